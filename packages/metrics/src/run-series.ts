import { type Overflow, type SeriesBounds, SeriesSet } from './series-set.js';
import { readSnapshot, type Series, type SeriesSnapshot } from './series-snapshot.js';
import type { Tags } from './tag-set.js';

/** Seconds of single windows that are kept for live figures. */
const DEFAULT_KEPT_SECONDS = 30;
const DEFAULT_WINDOW_TAGS: readonly string[] = ['scenario'];

export interface RunSeriesOptions extends Partial<SeriesBounds> {
  /** Single seconds kept, counted back from the newest. @default 30 */
  readonly keptSeconds?: number;
  /**
   * Tags by which the single seconds are told apart; the others are put together, so that thirty seconds take little
   * memory. The totals keep all tags. @default ['scenario']
   */
  readonly windowTags?: readonly string[];
}

/**
 * The windows of a run, merged over all streams in whatever order they come: totals since the start, and the latest
 * seconds one by one for live figures. A late window amends its second while that is kept, and the totals always.
 * Memory is bounded by the series bound, once for the totals and once for each kept second.
 *
 * It believes the seconds that it is given: whoever feeds it from a socket checks them against the run's clock.
 */
export class RunSeries {
  readonly totals: SeriesSet;
  readonly #seconds = new Map<number, SeriesSet>();
  readonly #bounds: Partial<SeriesBounds>;
  readonly #kept: number;
  readonly #windowTags: readonly string[];
  #newest = -1;
  #refused = 0;

  constructor(options: RunSeriesOptions = {}) {
    const { keptSeconds = DEFAULT_KEPT_SECONDS, windowTags = DEFAULT_WINDOW_TAGS, ...bounds } = options;
    this.#bounds = bounds;
    this.#kept = keptSeconds;
    this.#windowTags = windowTags;
    this.totals = new SeriesSet(bounds);
  }

  /** Snapshots that made no sense, or found no room, and were left out. */
  get refused(): number {
    return this.#refused;
  }
  /** What found no room in the totals. */
  get overflow(): Overflow {
    return this.totals.overflow;
  }
  /** The latest second of which a window has come; -1 before the first. */
  get newestSecond(): number {
    return this.#newest;
  }

  /** Adds one worker's window. What is in it of no sense is counted and left out, the rest is taken. */
  add(second: number, snapshots: readonly SeriesSnapshot[]): void {
    if (!Number.isSafeInteger(second)) {
      this.#refused += snapshots.length;
      return;
    }
    if (second > this.#newest) {
      this.#newest = second;
      for (const old of this.#seconds.keys()) if (old <= second - this.#kept) this.#seconds.delete(old);
    }
    const window = second > this.#newest - this.#kept ? this.#windowOf(second) : undefined;
    for (const snapshot of snapshots) {
      const read = readSnapshot(snapshot);
      if (read === undefined || !this.totals.absorb(read, second)) this.#refused += 1;
      else window?.absorb(this.#reduced(read), second);
    }
  }

  #reduced(series: Series): Series {
    const tags: Record<string, string> = {};
    for (const name of this.#windowTags) {
      const value = Object.hasOwn(series.tags, name) ? series.tags[name] : undefined;
      if (value !== undefined) tags[name] = value;
    }
    return { ...series, tags: tags satisfies Tags };
  }

  #windowOf(second: number): SeriesSet {
    let window = this.#seconds.get(second);
    if (window === undefined) {
      window = new SeriesSet(this.#bounds);
      this.#seconds.set(second, window);
    }
    return window;
  }

  /** One second's own figures, while they are kept. */
  second(second: number): SeriesSet | undefined {
    return this.#seconds.get(second);
  }

  /** The kept seconds of which something has come, the earliest first. */
  seconds(): number[] {
    return [...this.#seconds.keys()].sort((a, b) => a - b);
  }
}
