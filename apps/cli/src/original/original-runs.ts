import type { Muster, OriginalClient } from '@muster/client';
import { connectOriginal } from '@muster/client';
import { MusterError } from '@muster/protocol';
import { onlyMatch } from '../ask.js';

/** A run of the original that the broker works at or keeps. */
export interface OriginalRun {
  readonly id: string;
  readonly name: string;
  readonly state: 'running' | 'finished';
  readonly agents: readonly string[];
  /** ISO 8601; null where nobody noted it. */
  readonly submittedAt: string | null;
}

const NATIVE_RUNS = 10_000;

/** Runs of the original at a broker of ours, newest first; tests of ours have metadata there too and are left out. */
export const originalRuns = async (muster: Muster, client: OriginalClient): Promise<readonly OriginalRun[]> => {
  const native = new Set((await muster.runs({ limit: NATIVE_RUNS })).map(({ id }) => String(id)));
  const active = new Map((await client.listRuns()).map(({ run, agents }) => [run, agents.map(({ agent }) => agent)]));
  const ids = new Set([...(await client.getRuns()), ...active.keys()]);
  const runs = [...ids]
    .filter((id) => !native.has(id))
    .map(async (id): Promise<OriginalRun> => {
      const { fqn, test_runner: runner, started } = await client.getMetadata(id);
      return {
        id,
        name: typeof fqn === 'string' && fqn !== '' ? fqn : typeof runner === 'string' ? runner : id,
        state: active.has(id) ? 'running' : 'finished',
        agents: active.get(id) ?? [],
        submittedAt: typeof started === 'number' ? new Date(started * 1_000).toISOString() : null,
      };
    });
  return (await Promise.all(runs)).sort((a, b) => (b.submittedAt ?? '').localeCompare(a.submittedAt ?? ''));
};

/** Does something with a run of the original, found by its id or a part of it. @throws MusterError as {@link onlyMatch} */
export const withOriginalRun = async <T>(
  muster: Muster,
  asked: string,
  use: (client: OriginalClient, run: OriginalRun) => Promise<T>,
): Promise<T> => {
  await using client = await connectOriginal(muster.endpoint);
  return await use(client, onlyMatch(await originalRuns(muster, client), asked));
};

/** The first way; when it knows no such run, the second. */
export const orOriginal = async <T>(first: () => Promise<T>, second: () => Promise<T>): Promise<T> => {
  try {
    return await first();
  } catch (thrown) {
    if (!(thrown instanceof MusterError) || thrown.code !== 'RUN_UNKNOWN') throw thrown;
    return await second();
  }
};
