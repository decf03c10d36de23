import type { Muster } from '@muster/client';
import type { Io } from './io.js';

/** A cluster of its own that ends takes its broker along, so observers get so long to be told. */
const WAIT_MS = 5_000;
const LOOK_MS = 100;

/**
 * Waits until it is known how each observer of a finished run fared. What is still owed then is said: the broker tells it
 * when the next run starts in the same folder.
 */
export const observersTold = async (
  muster: Pick<Muster, 'show'>,
  run: string,
  names: readonly string[],
  io: Io,
  waitMs = WAIT_MS,
): Promise<void> => {
  const untilMs = performance.now() + waitMs;
  let owed = [...new Set(names)];
  while (owed.length > 0) {
    const { summary } = await muster.show(run);
    const told = (summary?.run.events ?? []).flatMap(({ kind, text }) => (kind === 'observer' ? [text] : []));
    owed = owed.filter((name) => !told.some((text) => text.startsWith(`${name}: `)));
    if (owed.length === 0 || performance.now() > untilMs) break;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  if (owed.length > 0)
    io.err(`warning: not told yet: ${owed.join(', ')}; the next run with the same --data folder tries again\n`);
};
