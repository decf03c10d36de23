import { resolve } from 'node:path';
import { bundleFile } from '@muster/bundle';
import { connect, type Muster } from '@muster/client';
import { EXIT, MusterError } from '@muster/protocol';
import { environment, namedBroker, stages } from '../flags.js';
import { follow } from '../follow.js';
import type { Io } from '../io.js';
import { startOwnCluster } from '../own-cluster.js';

/** The flags of `muster run`, as commander gives them. */
export interface RunFlags {
  readonly broker?: string;
  readonly agents?: number;
  readonly vus?: number;
  readonly duration?: string;
  readonly iterations?: number;
  readonly stage?: readonly string[];
  readonly users?: string;
  readonly hits?: string;
  readonly env?: readonly string[];
  readonly quiet: boolean;
  readonly summaryExport?: string;
  readonly detach: boolean;
  readonly raw: 'thinned' | 'all' | 'none';
  readonly seed?: number;
  readonly minCoverage?: number;
  readonly orphan: 'continue' | 'stop';
  readonly observer?: readonly string[];
  readonly workers?: number;
  readonly data: string;
}

/** Milliseconds that agents carry on without a broker. */
const ORPHAN_LEASE_MS = 60_000;
const CONNECT_MS = 5_000;
/** How long an own cluster's agents may take to sign on. */
const AGENTS_MS = 20_000;

/** Bundles the test, finds or starts the cluster, submits, follows. */
export const runCommand = async (file: string, flags: RunFlags, io: Io): Promise<number> => {
  const named = namedBroker(flags.broker, io.env);
  if (flags.detach && named === null) {
    throw new MusterError(
      'BAD_CONFIG',
      '--detach needs a cluster that stays: a cluster of its own ends with the command',
      {
        hint: 'start one with `muster up` and name it with --broker',
      },
    );
  }
  const env = environment(flags.env ?? [], io.env);
  const options = overrides(flags);
  const bundle = await bundleFile(resolve(io.cwd, file));
  for (const warning of bundle.warnings) io.err(`warning: ${warning}\n`);

  const submit = async (muster: Muster): Promise<number> => {
    const run = await muster.submit({
      bundle,
      options,
      env,
      raw: flags.raw,
      orphan: { mode: flags.orphan, leaseMs: ORPHAN_LEASE_MS },
      observers: flags.observer ?? [],
      ...(flags.agents === undefined ? {} : { agents: flags.agents }),
      ...(flags.seed === undefined ? {} : { seed: flags.seed }),
      ...(flags.minCoverage === undefined ? {} : { minCoverage: flags.minCoverage }),
    });
    if (flags.detach) {
      io.out(`${run.id}\n`);
      return EXIT.passed;
    }
    if (!flags.quiet) io.out(banner(bundle.name, run.id, named));
    return await follow(run, io, { quiet: flags.quiet, summaryExport: flags.summaryExport, mayDetach: named !== null });
  };

  if (named !== null) {
    await using muster = await connect(named, { timeoutMs: CONNECT_MS });
    return await submit(muster);
  }
  const agents = flags.agents ?? 1;
  await using cluster = await startOwnCluster(
    { agents, workers: flags.workers, data: flags.data, frontend: 'tcp://127.0.0.1:*', logLevel: 'error' },
    io,
  );
  await using muster = await connect(cluster.endpoint, { timeoutMs: CONNECT_MS });
  await muster.waitForAgents(agents, { timeoutMs: AGENTS_MS });
  return await submit(muster);
};

/** What the command line says of the load, in the words of the test's own options. */
const overrides = (flags: RunFlags): Record<string, unknown> => {
  const given: Record<string, unknown> = {
    vus: flags.vus,
    duration: flags.duration,
    iterations: flags.iterations,
    stages: flags.stage === undefined ? undefined : stages(flags.stage),
    users: flags.users,
    hits: flags.hits,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
};

const banner = (name: string, run: string, broker: string | null): string =>
  [
    `  execution: ${broker === null ? 'own cluster on this machine' : `cluster of ${broker}`}`,
    `     script: ${name}`,
    `        run: ${run}`,
    '',
    '',
  ].join('\n');
