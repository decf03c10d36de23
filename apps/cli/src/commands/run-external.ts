import { join } from 'node:path';
import { connectOriginal, type OriginalClient } from '@muster/client';
import { BOUNDS, EXIT, MusterError } from '@muster/protocol';
import { includeFiles } from '../files/include-files.js';
import { type PackedFile, zip } from '../files/zip.js';
import type { Io } from '../io.js';
import { installNpmDeps } from '../npm-deps.js';
import { commandFiles } from '../original/command-files.js';
import { externalLoad } from '../original/external-load.js';
import { followOriginal } from '../original/follow-original.js';
import { startWatch } from '../original/watch.js';
import { chooseOutputs } from '../outputs/choose-outputs.js';
import { SIGN_ON_MS, startRunCluster } from '../own-cluster.js';
import { connectOriginalAt } from '../place.js';
import { runBanner } from '../view/banner.js';
import type { RunFlags, RunOrder } from './run-order.js';

const LOOK_MS = 50;

/** Flags that only tests of ours have. */
const NOT_HERE = ['iterations', 'stage', 'seed', 'minCoverage', 'summaryExport'] as const;

/** Runs a program of the user's on the agents: one process for each user, told by `LOADS_…` variables what to do. */
export const runExternal = async ({ file, flags, place, observerOptions }: RunOrder, io: Io): Promise<number> => {
  const command = flags.testRunner ?? '';
  const wrong = NOT_HERE.find((name) => flags[name] !== undefined);
  if (wrong !== undefined) throw new MusterError('BAD_CONFIG', `--${dashed(wrong)} is nothing to an external program`);
  const load = externalLoad(flags);
  const { quiet, outputs } = chooseOutputs(flags, io.cwd);
  const files = await filesOf(file, flags, io);

  const submit = async (client: OriginalClient, agents: number): Promise<number> => {
    await using watch = await startWatch(client, null);
    const { run } = await client.run({
      agents,
      testRunner: command,
      ...(file === null ? {} : { fqn: file }),
      ...load,
      ...(files.length === 0 ? {} : { files: packed(files) }),
      ...(flags.externalProcessTimeout === undefined ? {} : { processTimeoutS: flags.externalProcessTimeout }),
      ...(flags.serverUrl === undefined ? {} : { serverUrl: flags.serverUrl }),
      ...(flags.projectName === undefined ? {} : { projectName: flags.projectName }),
      ...(flags.userId === undefined ? {} : { userId: flags.userId }),
      observers: flags.observer ?? [],
      args: {
        ...Object.fromEntries(observerOptions),
        ...(flags.testDir === undefined ? {} : { test_dir: flags.testDir }),
      },
    });
    if (flags.detach) {
      io.out(`${run}\n`);
      return EXIT.passed;
    }
    const name = file ?? command;
    return await followOriginal(client, io, {
      run,
      name,
      banner: runBanner('command', command, run, place.broker),
      quiet,
      outputs,
      mayDetach: place.broker !== null,
      watch,
      attached: false,
    });
  };

  if (place.broker !== null) {
    await using client = await connectOriginalAt(place);
    return await submit(client, flags.agents ?? Math.max(1, (await client.list()).length));
  }
  const agents = flags.agents ?? 1;
  await using cluster = await startRunCluster(agents, flags, io);
  await using client = await connectOriginal(cluster.endpoint);
  await signedOn(client, agents);
  return await submit(client, agents);
};

const filesOf = async (file: string | null, flags: RunFlags, io: Io): Promise<readonly PackedFile[]> => {
  const named = await commandFiles(flags.testRunner ?? '', file, io.cwd);
  const files = await includeFiles([...new Set([...named, ...(flags.includeFile ?? [])])], io.cwd);
  if (flags.npmDep === undefined) return files;
  await using deps = await installNpmDeps(flags.npmDep, io);
  return [...files, ...(await includeFiles([join(deps.nodeModules)], deps.folder))];
};

const packed = (files: readonly PackedFile[]): Buffer => {
  const bytes = zip(files);
  if (bytes.length * 4 < BOUNDS.originalRunBytes * 3 - 65_536) return bytes;
  throw new MusterError('BUNDLE_TOO_LARGE', `the files of the run have ${bytes.length} bytes, packed`, {
    hint: `in base64 they must stay below ${BOUNDS.originalRunBytes}`,
  });
};

const signedOn = async (client: OriginalClient, agents: number): Promise<void> => {
  const untilMs = performance.now() + SIGN_ON_MS;
  while ((await client.list()).length < agents) {
    if (performance.now() > untilMs)
      throw new MusterError(
        'NOT_ENOUGH_AGENTS',
        `the agents of the own cluster did not sign on within ${SIGN_ON_MS} ms`,
      );
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
};

const dashed = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
