import { BOUNDS, decodeOriginal, MusterError, type ResultRow, RunFinished, readResult, rowsOf } from '@muster/protocol';
import { openSocket } from '@muster/protocol/zmq';
import { firstAborted, onAbort } from '../give-up.js';
import type { OriginalEvent, WatchOptions } from './original-client.js';

/** Messages that wait for a slow reader; beyond it the oldest go. */
const QUEUE = 10_000;

export interface PublisherPort {
  readonly signals: readonly (AbortSignal | undefined)[];
  /** What the broker has counted of a run; null: nobody is to be asked. */
  readonly counts: ((run: string) => Promise<Readonly<Record<string, number>>>) | null;
}

/**
 * Hears the publisher; every signal ends it. Of one run the counts are asked for once it is connected to, and what came
 * before their answer is left out: it is most likely in them.
 */
export async function* watchPublisher(
  endpoint: string,
  { run, onListening }: WatchOptions,
  { signals, counts }: PublisherPort,
): AsyncGenerator<OriginalEvent, void, undefined> {
  const waiting: OriginalEvent[] = [];
  let wake: () => void = () => undefined;
  let up: () => void = () => undefined;
  const connected = new Promise<void>((resolve) => {
    up = resolve;
  });
  const socket = openSocket('sub', {
    lingerMs: 0,
    heartbeatMs: 0,
    highWaterMark: 80_960,
    maxMessageBytes: BOUNDS.resultBytes,
    onUp: () => {
      up();
      onListening?.();
    },
    // What does not fit is no result.
    onFault: () => undefined,
    onMessage: ([payload]) => {
      const event = payload === undefined ? null : readEvent(payload, run);
      if (event === null) return;
      waiting.push(event);
      if (waiting.length > QUEUE) waiting.shift();
      wake();
    },
  });
  const off = onAbort(signals, () => {
    wake();
    up();
  });
  try {
    socket.subscribe('');
    socket.connect(endpoint);
    if (run !== undefined && counts !== null) {
      await connected;
      const counted = await counts(run).catch(() => null);
      if (counted !== null) {
        const ended = waiting.find(({ kind }) => kind === 'finished');
        waiting.splice(0, waiting.length, ...(ended === undefined ? [] : [ended]));
        yield { kind: 'snapshot', run, counts: counted, active: ended === undefined, missed: false, exact: false };
      }
    }
    while (firstAborted(signals) === undefined) {
      const event = waiting.shift();
      if (event !== undefined) yield event;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (firstAborted(signals) !== undefined) resolve();
        });
      }
      if (event?.kind === 'finished' && event.run === run) return;
    }
  } finally {
    off();
    await socket.close();
  }
}

const readEvent = (payload: Buffer, run: string | undefined): OriginalEvent | null => {
  const result = readResult(payload);
  if (result.data_type === 'run-finished') {
    const finished = decodeOriginal(RunFinished, payload);
    return run === undefined || finished.run_id === run ? { kind: 'finished', run: finished.run_id } : null;
  }
  const of = typeof result.run_id === 'string' ? result.run_id : null;
  if (run !== undefined && of !== run) return null;
  const rows: readonly ResultRow[] = rowsOf(result).rows;
  return { kind: 'rows', run: of, rows };
};

/** The publisher's address in a `PING`. */
export const publisherOf = (endpoints: Readonly<Record<string, string>>, frontend: string): string => {
  const { publisher } = endpoints;
  if (publisher !== undefined) return publisher;
  throw new MusterError('NOT_SUPPORTED', `the broker at ${frontend} names no publisher`);
};
