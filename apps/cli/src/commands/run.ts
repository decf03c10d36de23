import { resolve } from 'node:path';
import { type Bundle, bundleFile } from '@muster/bundle';
import { connect, connectOriginal, type Muster } from '@muster/client';
import { EXIT, MusterError } from '@muster/protocol';
import { duration, environment, stages } from '../flags.js';
import { follow } from '../follow.js';
import type { Io } from '../io.js';
import { installNpmDeps } from '../npm-deps.js';
import { observerOptionsOf } from '../observer-flags.js';
import { observersTold } from '../observers-told.js';
import { chooseOutputs } from '../outputs/choose-outputs.js';
import { writable } from '../outputs/writable.js';
import { SIGN_ON_MS, startRunCluster } from '../own-cluster.js';
import { connectAt, withPlace } from '../place.js';
import { runBanner } from '../view/banner.js';
import { runExternal } from './run-external.js';
import type { RunFlags, RunOrder } from './run-order.js';

/** Milliseconds that agents carry on without a broker. */
const ORPHAN_LEASE_MS = 60_000;
const CONNECT_MS = 5_000;

/** Runs a test of ours, or with `--test-runner` a program of the user's. */
export const runCommand = (asked: Omit<RunOrder, 'place'>, io: Io): Promise<number> =>
  withPlace(asked.flags, io, async (place) => {
    const order = { ...asked, place };
    const { flags, file } = order;
    if (flags.detach && place.broker === null) {
      throw new MusterError(
        'BAD_CONFIG',
        '--detach needs a cluster that stays: a cluster of its own ends with the command',
        { hint: 'start one with `muster up` and name it with --broker' },
      );
    }
    if (flags.pythonDep !== undefined) {
      throw new MusterError('BAD_CONFIG', '--python-dep: agents of Muster install no Python packages', {
        hint: 'ship them with --include-file, or have them on the agents; --npm-dep is for npm packages',
      });
    }
    if (flags.testRunner !== undefined) return await runExternal(order, io);
    if (file === null) throw new MusterError('BAD_CONFIG', 'no test was named', { hint: 'muster run FILE' });
    return await runTest(file, order, io);
  });

/** Bundles the test, finds or starts the cluster, submits, follows. */
const runTest = async (file: string, { flags, place, observerOptions }: RunOrder, io: Io): Promise<number> => {
  const named = place.broker;
  if (flags.includeFile !== undefined || flags.testDir !== undefined || flags.externalProcessTimeout !== undefined) {
    throw new MusterError(
      'BAD_CONFIG',
      '--include-file, --test-dir, --external-process-timeout belong to --test-runner',
      {
        hint: 'what a test imports goes along in its bundle',
      },
    );
  }
  const base = flags.serverUrl === undefined ? {} : { BASE_URL: flags.serverUrl };
  const env = { ...base, ...environment(flags.env ?? [], io.env) };
  const options = overrides(flags);
  const { quiet, outputs } = chooseOutputs(flags, io.cwd);
  if (flags.summaryExport !== undefined) writable(resolve(io.cwd, flags.summaryExport));
  const bundle = await bundled(resolve(io.cwd, file), flags.npmDep, io);
  for (const warning of bundle.warnings) io.err(`warning: ${warning}\n`);

  const submit = async (muster: Muster): Promise<number> => {
    const run = await muster.submit({
      bundle,
      options,
      env,
      raw: flags.raw,
      orphan: { mode: flags.orphan, leaseMs: ORPHAN_LEASE_MS },
      observers: flags.observer ?? [],
      observerOptions: observerOptionsOf(observerOptions),
      ...(flags.agents === undefined ? {} : { agents: flags.agents }),
      ...(flags.seed === undefined ? {} : { seed: flags.seed }),
      ...(flags.minCoverage === undefined ? {} : { minCoverage: flags.minCoverage }),
    });
    await keepMetadata(muster.endpoint, run.id, flags, io);
    if (flags.detach) {
      io.out(`${run.id}\n`);
      return EXIT.passed;
    }
    if (!quiet) io.out(`${runBanner('script', bundle.name, run.id, named)}\n`);
    const code = await follow(run, io, {
      quiet,
      outputs,
      summaryExport: flags.summaryExport,
      mayDetach: named !== null,
    });
    if (named === null) await observersTold(muster, run.id, flags.observer ?? [], io);
    return code;
  };

  if (named !== null) {
    await using muster = await connectAt(place);
    return await submit(muster);
  }
  const agents = flags.agents ?? 1;
  await using cluster = await startRunCluster(agents, flags, io);
  await using muster = await connect(cluster.endpoint, { timeoutMs: CONNECT_MS });
  await muster.waitForAgents(agents, { timeoutMs: SIGN_ON_MS });
  return await submit(muster);
};

const bundled = async (file: string, npmDep: readonly string[] | undefined, io: Io): Promise<Bundle> => {
  if (npmDep === undefined) return await bundleFile(file);
  await using deps = await installNpmDeps(npmDep, io);
  return await bundleFile(file, { packages: [deps.nodeModules] });
};

/** Project, user and server are kept with the run, where `CTRL_GET_METADATA` finds them. */
const keepMetadata = async (endpoint: string, run: string, flags: RunFlags, io: Io): Promise<void> => {
  const given = { project_name: flags.projectName, user_id: flags.userId, server_url: flags.serverUrl };
  const fields = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  if (Object.keys(fields).length === 0) return;
  try {
    await using client = await connectOriginal(endpoint);
    await client.updateMetadata(run, fields);
  } catch (thrown) {
    io.err(`warning: project, user and server were not kept: ${MusterError.from(thrown).message}\n`);
  }
};

/** What the command line says of the load, in the words of the test's own options. */
const overrides = (flags: RunFlags): Record<string, unknown> => {
  const given: Record<string, unknown> = {
    vus: flags.vus,
    // The original's durations are plain seconds.
    duration: flags.duration === undefined ? undefined : duration(flags.duration),
    iterations: flags.iterations,
    stages: flags.stage === undefined ? undefined : stages(flags.stage),
    users: flags.users,
    hits: flags.hits,
    baseUrl: flags.serverUrl,
    // Every connection asks the system, and takes what that says first.
    dns: flags.dnsResolve === false ? { ttl: 0, select: 'first' } : undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
};
