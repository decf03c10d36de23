import type { Summary } from '@muster/protocol';
import type { Logger } from '../log.js';
import type { Observer, ObserverOutcome } from './observer.js';

/** @default 10_000 */
const LIMIT_MS = 10_000;

/** Tells every observer, each on its own and within its time; never throws. */
export const tellObservers = (
  observers: readonly Observer[],
  summary: Summary,
  log: Logger,
  limitMs: number = LIMIT_MS,
): Promise<readonly ObserverOutcome[]> => Promise.all(observers.map((each) => tell(each, summary, log, limitMs)));

const tell = async (observer: Observer, summary: Summary, log: Logger, limitMs: number): Promise<ObserverOutcome> => {
  const { name } = observer;
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<ObserverOutcome>((resolve) => {
    timer = setTimeout(() => {
      over.abort();
      resolve({ name, ok: false, text: `took more than ${limitMs} ms` });
    }, limitMs);
  });
  const told = async (): Promise<ObserverOutcome> => {
    try {
      await observer.finished(summary, { log, signal: over.signal });
      return { name, ok: true, text: 'told' };
    } catch (thrown) {
      return { name, ok: false, text: thrown instanceof Error ? thrown.message : String(thrown) };
    }
  };
  const outcome = await Promise.race([told(), late]);
  clearTimeout(timer);
  return outcome;
};
