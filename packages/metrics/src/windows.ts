import { SeriesSet, type SeriesSnapshot } from './series-set.js';

/** Seconds of single windows that are kept for live figures. */
const DEFAULT_KEPT_SECONDS = 30;

/**
 * The windows of a run, merged over all streams in whatever order they come: totals since the start, and the latest
 * seconds one by one for live figures. Memory is bounded by the series bound times the kept seconds.
 */
export class RunSeries {
  readonly totals: SeriesSet;
  readonly #seconds = new Map<number, SeriesSet>();
  readonly #kept: number;
  #newest = -1;
  #refused = 0;

  constructor(options: { readonly maxSeries?: number; readonly keptSeconds?: number } = {}) {
    this.totals = new SeriesSet(options.maxSeries === undefined ? {} : { maxSeries: options.maxSeries });
    this.#kept = options.keptSeconds ?? DEFAULT_KEPT_SECONDS;
  }

  /** Snapshots that made no sense and were left out. */
  get refused(): number {
    return this.#refused;
  }
  get newestSecond(): number {
    return this.#newest;
  }

  /** Adds one worker's window. */
  add(second: number, snapshots: readonly SeriesSnapshot[]): void {
    if (second > this.#newest) {
      this.#newest = second;
      for (const old of this.#seconds.keys()) if (old <= second - this.#kept) this.#seconds.delete(old);
    }
    const window = second > this.#newest - this.#kept ? this.#windowOf(second) : undefined;
    for (const snapshot of snapshots) {
      if (!this.totals.merge(snapshot)) this.#refused += 1;
      else window?.merge(snapshot);
    }
  }

  #windowOf(second: number): SeriesSet {
    let window = this.#seconds.get(second);
    if (window === undefined) {
      window = new SeriesSet();
      this.#seconds.set(second, window);
    }
    return window;
  }

  /** One second's own figures, while they are kept. */
  second(second: number): SeriesSet | undefined {
    return this.#seconds.get(second);
  }
}
