import { MusterError } from '@muster/protocol';
import type { Logger } from '../log.js';
import type { ObserverOutcome } from './observer.js';
import type { ReadyObserver } from './observer-book.js';
import type { RunEnd } from './run-end.js';

/** How long and how often an observer is tried. */
export interface TellTimes {
  /** One try gets so long. */
  readonly tryMs: number;
  readonly tries: number;
  /** Before the second try; twice as long before each further one, up to a minute. */
  readonly backoffMs: number;
}

export interface TellContext {
  readonly log: Logger;
  readonly times: TellTimes;
  /** Aborted when the broker closes: what was not tried yet is, and nothing is tried again. */
  readonly closing: AbortSignal;
}

const MAX_WAIT_MS = 60_000;
/** Longest text of an outcome, in characters. */
const MAX_TEXT = 300;

/**
 * Tells one observer, again and again while that may help. Never throws.
 *
 * @returns how it fared; null when the broker closes and another one may try again.
 */
export const tellObserver = async (
  ready: ReadyObserver,
  end: RunEnd,
  { log, times, closing }: TellContext,
): Promise<ObserverOutcome | null> => {
  const { name } = ready.observer;
  for (let nth = 1; ; nth += 1) {
    const fault = await tryOnce(ready, end, log, times.tryMs);
    if (fault === null) return { name, ok: true, text: nth === 1 ? 'told' : `told at try ${nth}` };
    const text = withoutSecrets(fault.text, ready);
    if (fault.final) return { name, ok: false, text: `not told: ${text}` };
    if (nth >= times.tries) return { name, ok: false, text: `not told, tried ${nth} times: ${text}` };
    log.info({ run: end.run, observer: name, nth }, `an observer is tried again: ${text}`);
    await pause(waitMs(times.backoffMs, nth), closing);
    if (closing.aborted) return null;
  }
};

interface Fault {
  readonly text: string;
  readonly final: boolean;
}

const tryOnce = async (
  { observer, options }: ReadyObserver,
  end: RunEnd,
  log: Logger,
  limitMs: number,
): Promise<Fault | null> => {
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Fault>((resolve) => {
    timer = setTimeout(() => {
      resolve({ text: `took more than ${limitMs} ms`, final: false });
      over.abort();
    }, limitMs);
  });
  const told = async (): Promise<Fault | null> => {
    try {
      await observer.finished(end, { options, log, limitMs, signal: over.signal });
      return null;
    } catch (thrown) {
      const { code, message } = MusterError.from(thrown);
      return { text: message.replace(/^\[\w+\] /, ''), final: code === 'OBSERVER_REFUSED' };
    }
  };
  const fault = await Promise.race([told(), late]);
  clearTimeout(timer);
  return fault;
};

/** Between half and all of what it could be, so that runs that end together do not try together. */
const waitMs = (backoffMs: number, nth: number): number =>
  Math.min(MAX_WAIT_MS, backoffMs * 2 ** (nth - 1)) * (0.5 + Math.random() / 2);

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });

/** A server may repeat in its answer what it was told. */
const withoutSecrets = (text: string, { observer, options }: ReadyObserver): string => {
  let shown = text.replace(/\s+/g, ' ').trim();
  for (const [name, { secret }] of Object.entries(observer.options)) {
    const value = options[name];
    if (secret === true && typeof value === 'string') shown = shown.replaceAll(value, '***');
  }
  return shown.length > MAX_TEXT ? `${shown.slice(0, MAX_TEXT)}…` : shown;
};
