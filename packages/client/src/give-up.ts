import { setMaxListeners } from 'node:events';
import { MusterError } from '@muster/protocol';

/** What every call to a broker takes. */
export interface CallOptions {
  /** How long the answer may take. @default that of the connection */
  readonly timeoutMs?: number;
  /** Gives up: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal;
}

/** The error of a caller who gave up; what they gave as a reason is the cause. */
export const aborted = (what: string, signal: AbortSignal): MusterError =>
  new MusterError('ABORTED', `${what} was given up by its caller`, { cause: signal.reason });

/** The first of some signals that has given up already. */
export const firstAborted = (signals: readonly (AbortSignal | undefined)[]): AbortSignal | undefined =>
  signals.find((signal) => signal?.aborted === true);

/** Hears of the first of some signals that gives up; the answer stops listening. */
export const onAbort = (
  signals: readonly (AbortSignal | undefined)[],
  handler: (signal: AbortSignal) => void,
): (() => void) => {
  const ends: (() => void)[] = [];
  const end = () => {
    for (const each of ends) each();
  };
  for (const signal of signals) {
    if (signal === undefined) continue;
    const listener = () => {
      end();
      handler(signal);
    };
    // Any number of questions may share a signal; Node takes more than ten listeners for a leak.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', listener);
    ends.push(() => signal.removeEventListener('abort', listener));
  }
  return end;
};

/** Waits; rejects with `ABORTED` when the caller gives up before. */
export const pause = (ms: number, what: string, signals: readonly (AbortSignal | undefined)[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const gone = firstAborted(signals);
    if (gone !== undefined) {
      reject(aborted(what, gone));
      return;
    }
    const end = onAbort(signals, (signal) => {
      clearTimeout(timer);
      reject(aborted(what, signal));
    });
    const timer = setTimeout(() => {
      end();
      resolve();
    }, ms);
  });
