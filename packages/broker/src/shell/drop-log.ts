import type { Logger } from '../log.js';

const EVERY_MS = 10_000;

/** Counts what was dropped, and writes a line at most every ten seconds per place: garbage must not fill the log. */
export class DropLog {
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #places = new Map<string, { count: number; toldMs: number }>();

  constructor(log: Logger, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  drop(place: string, why: string): void {
    const known = this.#places.get(place) ?? { count: 0, toldMs: Number.NEGATIVE_INFINITY };
    known.count += 1;
    this.#places.set(place, known);
    if (this.#now() - known.toldMs < EVERY_MS) return;
    known.toldMs = this.#now();
    this.#log.warn({ place, dropped: known.count, why: why.slice(0, 500) }, 'dropped what can not be used');
  }

  /** How much was dropped so far, by place. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#places].map(([place, { count }]) => [place, count]));
  }
}
