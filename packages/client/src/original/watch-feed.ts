import { randomUUID } from 'node:crypto';
import {
  BOUNDS,
  decodeNative,
  liveTopic,
  MusterError,
  OriginalFeed,
  type OriginalSnapshot,
  originalTopic,
  type ResultRow,
  readEvent,
  readResult,
  rowsOf,
  TIMES,
} from '@muster/protocol';
import { openSocket } from '@muster/protocol/zmq';
import { firstAborted, onAbort } from '../give-up.js';
import { Mailbox } from '../mailbox.js';
import type { OriginalEvent, WatchOptions } from './original-client.js';

export interface FeedPort {
  readonly endpoint: string;
  /** Where a run stands, and which message is the last that is counted. */
  snapshot(run: string): Promise<OriginalSnapshot>;
  readonly signals: readonly (AbortSignal | undefined)[];
}

/** Messages that wait for a slow reader; beyond it the oldest go, and the gap is filled by a snapshot. */
const QUEUE = 10_000;

/** What the loop is woken by: a message, or that the broker knows of the subscription. */
type Item = Exclude<OriginalFeed, { kind: 'live' }> | { readonly kind: 'live' };

/** The last message of a run that is in what the reader knows. */
interface Position {
  readonly boot: string;
  readonly number: number;
}

/**
 * Hears the runs of a Muster broker without a gap: once the broker knows of the subscription it is asked where the run
 * stands, and messages up to the number of that answer are left out. When a number is missing, the connection was lost,
 * or nothing came for a while, it is asked again; what it says then replaces everything before.
 */
export async function* watchFeed(
  { run, onListening }: WatchOptions,
  port: FeedPort,
): AsyncGenerator<OriginalEvent, void, undefined> {
  const box = new Mailbox<Item>(QUEUE);
  let live: string | null = null;
  const socket = openSocket('sub', {
    lingerMs: 0,
    highWaterMark: 80_960,
    maxMessageBytes: 2 * BOUNDS.resultBytes,
    onMessage: (frames) => box.put(decodeNative(OriginalFeed, readEvent(frames).payload, 2 * BOUNDS.resultBytes)),
    // What can't be read is missing: the numbers tell.
    onFault: () => undefined,
    // After each connection anew: what was published meanwhile is lost.
    onUp: () => {
      if (live !== null) socket.unsubscribe(live);
      live = liveTopic(randomUUID());
      socket.subscribe(live);
    },
  });
  const off = onAbort(port.signals, () => box.nudge());
  const gone = () => firstAborted(port.signals) !== undefined;
  const seen = new Map<string, Position>();
  try {
    socket.subscribe(originalTopic(run));
    socket.connect(port.endpoint);
    while (!gone()) {
      const item = await box.take(TIMES.silenceMs);
      if (gone()) return;
      if (item === undefined || item.kind === 'live') {
        if (item?.kind === 'live') onListening?.();
        for (const each of run === undefined ? [...seen.keys()] : [run]) {
          if (yield* standing(each, seen, port)) {
            if (each === run) return;
          }
        }
        continue;
      }
      const known = seen.get(item.run);
      if (known === undefined && run !== undefined) continue;
      if (known?.boot === item.boot && item.number <= known.number) continue;
      const next =
        known === undefined ? item.number === 1 : item.boot === known.boot && item.number === known.number + 1;
      if (!next) {
        if ((yield* standing(item.run, seen, port)) && item.run === run) return;
        continue;
      }
      seen.set(item.run, { boot: item.boot, number: item.number });
      if (item.kind === 'rows') yield { kind: 'rows', run: item.run, rows: rowsIn(item.body, item.run) };
      else {
        seen.delete(item.run);
        yield { kind: 'finished', run: item.run };
        if (item.run === run) return;
      }
    }
  } finally {
    off();
    await socket.close();
  }
}

/** Asks where a run stands and tells what is new of it. @returns whether the run is over */
async function* standing(
  run: string,
  seen: Map<string, Position>,
  port: FeedPort,
): AsyncGenerator<OriginalEvent, boolean, undefined> {
  const snapshot = await ask(run, port);
  if (snapshot === null) return false;
  const { boot, counts, active } = snapshot;
  const number = snapshot.number ?? 0;
  const known = seen.get(run);
  const news = known?.boot !== boot || known.number !== number;
  if (news) yield { kind: 'snapshot', run, counts, active, missed: known !== undefined, exact: true };
  seen.set(run, { boot, number });
  if (active) return false;
  seen.delete(run);
  yield { kind: 'finished', run };
  return true;
}

/** Null: nobody answered, or the watcher gave up. It is asked again at the next silence. */
const ask = async (run: string, port: FeedPort): Promise<OriginalSnapshot | null> => {
  try {
    return await port.snapshot(run);
  } catch (thrown) {
    if (firstAborted(port.signals) !== undefined) return null;
    const error = MusterError.from(thrown);
    if (error.code === 'TIMEOUT') return null;
    throw error;
  }
};

const rowsIn = (body: Uint8Array, run: string): readonly ResultRow[] =>
  rowsOf(readResult(body)).rows.map((row) => (row.run_id === undefined ? { ...row, run_id: run } : row));
