import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { startBroker } from '@muster/broker';
import { connect, type Muster } from '@muster/client';
import { MusterError } from '@muster/protocol';
import { DEFAULT_BROKER, DEFAULT_DATA, namedBroker } from './flags.js';
import type { Io } from './io.js';
import { connectAt, type PlaceFlags, withPlace } from './place.js';
import { isLocked, resultFolders } from './result-folders.js';

const CONNECT_MS = 5_000;
/** A broker on this machine answers at once or is not there. */
const PROBE_MS = 1_000;

/** Flags of every command that asks a broker. */
export interface AskFlags extends PlaceFlags {
  readonly json?: boolean;
}

/** Asks the broker of the flag, else of `MUSTER_BROKER`, else the default one, and closes the connection. */
export const withBroker = async <T>(flags: AskFlags, io: Io, use: (muster: Muster) => Promise<T>): Promise<T> =>
  await withPlace(flags, io, async (place) => {
    await using muster = await connectAt(place);
    return await use(muster);
  });

/** Flags of commands that can do without a broker. */
export interface ResultFlags extends AskFlags {
  /** Given: these results, whatever broker runs. */
  readonly data?: string;
}

/**
 * The same for questions about past runs: when no broker is named and none answers on the default endpoint, the data
 * folders of earlier runs on this machine are opened, one after the other, by a broker of our own, for the length of the
 * question.
 *
 * @param enough an answer after which no further folder is asked
 */
export const withResults = async <T>(
  flags: ResultFlags,
  io: Io,
  use: (muster: Muster) => Promise<T>,
  enough: (answer: T) => boolean = () => false,
): Promise<readonly T[]> => {
  if (namedBroker(flags.broker, io.env) !== null || flags.ssh !== undefined) return [await withBroker(flags, io, use)];
  const running = flags.data === undefined ? await runningBroker() : null;
  if (running !== null && !(running instanceof MusterError)) {
    await using muster = running;
    return [await use(muster)];
  }
  const folder = resolve(io.cwd, flags.data ?? DEFAULT_DATA);
  if (!existsSync(folder)) {
    const nobody = running === null ? '' : `no broker answers on ${DEFAULT_BROKER} and `;
    throw new MusterError('BROKER_UNREACHABLE', `${nobody}there are no results in ${folder}`, {
      hint: 'name a broker with --broker, or a folder with --data',
      ...(running === null ? {} : { cause: running }),
    });
  }
  return await askFolders(await resultFolders(folder), io, use, enough);
};

const runningBroker = (): Promise<Muster | MusterError> =>
  connect(DEFAULT_BROKER, { timeoutMs: PROBE_MS }).catch((thrown: unknown) => MusterError.from(thrown));

/** Folders of runs that go on are left out, and named; if that is all of them, it is an error. */
const askFolders = async <T>(
  folders: readonly string[],
  io: Io,
  use: (muster: Muster) => Promise<T>,
  enough: (answer: T) => boolean,
): Promise<readonly T[]> => {
  const answers: T[] = [];
  const locked: MusterError[] = [];
  for (const folder of folders) {
    try {
      const answer = await askFolder(folder, use);
      answers.push(answer);
      if (enough(answer)) return answers;
    } catch (thrown) {
      if (!isLocked(thrown)) throw thrown;
      locked.push(thrown);
    }
  }
  const [first] = locked;
  if (answers.length === 0 && first !== undefined) throw first;
  for (const { message } of locked) io.err(`left out: ${message}\n`);
  return answers;
};

const askFolder = async <T>(folder: string, use: (muster: Muster) => Promise<T>): Promise<T> => {
  const broker = await startBroker({
    data: folder,
    frontend: 'tcp://127.0.0.1:*',
    keepPorts: false,
    logLevel: 'silent',
  });
  try {
    await using muster = await connect(broker.endpoints.frontend, { timeoutMs: CONNECT_MS });
    return await use(muster);
  } finally {
    await broker.close();
  }
};

/** A run by its id or an unambiguous beginning or end of it. */
export const findRun = async (muster: Muster, asked: string): Promise<string> =>
  asked.length === 36 ? asked : onlyMatch(await muster.runs({ limit: 10_000 }), asked).id;

/**
 * The one run whose id begins or ends so.
 *
 * @throws MusterError `RUN_UNKNOWN` when there is none, `BAD_CONFIG` when there are several: then looking elsewhere is no help
 */
export const onlyMatch = <T extends { readonly id: string }>(runs: readonly T[], asked: string): T => {
  const matches = runs.filter(({ id }) => id.startsWith(asked) || id.endsWith(asked));
  const [only, ...others] = matches;
  if (only === undefined)
    throw new MusterError('RUN_UNKNOWN', `there is no run ${asked}`, { hint: '`muster runs` lists them' });
  if (others.length === 0) return only;
  throw new MusterError('BAD_CONFIG', `${matches.length} runs match ${asked}`, {
    hint: 'give more of the id; its end tells runs of the same hour apart',
  });
};
