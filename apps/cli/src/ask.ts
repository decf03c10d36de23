import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { startBroker } from '@muster/broker';
import { connect, type Muster } from '@muster/client';
import { MusterError } from '@muster/protocol';
import { DEFAULT_BROKER, namedBroker } from './flags.js';
import type { Io } from './io.js';
import { connectAt, type PlaceFlags, withPlace } from './place.js';

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

/**
 * The same for questions about past runs: when no broker is named and none answers on the default endpoint, the data
 * folder of earlier runs on this machine is opened by a broker of our own, for the length of the question.
 */
export const withResults = async <T>(
  flags: AskFlags & { readonly data: string },
  io: Io,
  use: (muster: Muster) => Promise<T>,
): Promise<T> => {
  if (namedBroker(flags.broker, io.env) !== null || flags.ssh !== undefined) return await withBroker(flags, io, use);
  const running = await connect(DEFAULT_BROKER, { timeoutMs: PROBE_MS }).catch((thrown: unknown) =>
    MusterError.from(thrown),
  );
  if (!(running instanceof MusterError)) {
    await using muster = running;
    return await use(muster);
  }
  const folder = resolve(io.cwd, flags.data);
  if (!existsSync(folder)) {
    throw new MusterError(
      'BROKER_UNREACHABLE',
      `no broker answers on ${DEFAULT_BROKER} and there are no results in ${folder}`,
      {
        hint: 'name a broker with --broker, or a folder with --data',
        cause: running,
      },
    );
  }
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

/** A run by its id or an unambiguous beginning of it. */
export const findRun = async (muster: Muster, asked: string): Promise<string> => {
  if (asked.length === 36) return asked;
  const matches = (await muster.runs({ limit: 10_000 })).filter(
    (run) => run.id.startsWith(asked) || run.id.endsWith(asked),
  );
  const [only, ...others] = matches;
  if (only !== undefined && others.length === 0) return only.id;
  throw new MusterError(
    'RUN_UNKNOWN',
    only === undefined ? `there is no run ${asked}` : `${matches.length} runs match ${asked}`,
    {
      hint: '`muster runs` lists them',
    },
  );
};
