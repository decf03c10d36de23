import { BUILTIN, type MetricInfo } from './builtin.js';
import { Histogram } from './histogram.js';
import {
  type Contains,
  type Counter,
  Gauge,
  type MetricType,
  makeSink,
  type Rate,
  type Sink,
  type Trend,
  type TrendUnit,
} from './sinks.js';

export type Tags = Readonly<Record<string, string>>;

/** One metric under one set of tags. */
export interface Series {
  readonly metric: string;
  readonly info: MetricInfo;
  readonly tags: Tags;
  readonly sink: Sink;
}

/** A series' values as they travel: plain data; a trend's distribution is in `histogram`. */
export interface SeriesSnapshot {
  readonly metric: string;
  readonly type: MetricType;
  readonly contains: Contains;
  readonly unit: TrendUnit;
  readonly tags: Tags;
  /** counter: [sum]; gauge: [value, min, max, atMs]; rate: [passes, total]; trend: []. */
  readonly values: readonly number[];
  readonly histogram?: Uint8Array;
}

export interface SeriesBounds {
  /** @default 10_000 */
  readonly maxSeries: number;
  /** @default 32 */
  readonly maxTags: number;
  /** Longer values are cut. @default 256 */
  readonly maxTagLength: number;
}

export const DEFAULT_BOUNDS: SeriesBounds = { maxSeries: 10_000, maxTags: 32, maxTagLength: 256 };

/** The tag of the one series per metric that takes what is over the bound. */
export const OVERFLOW_TAGS: Tags = { overflow: 'true' };

const keyOf = (metric: string, tags: Tags): string => {
  let key = metric;
  for (const name of Object.keys(tags).sort()) key += `\u0000${name}\u0001${tags[name]}`;
  return key;
};

/**
 * All series of a worker or of a run, by metric and tags, bounded in number: beyond the bound values go to one series
 * per metric tagged `overflow`, are counted, and the first metric that overflowed is named.
 */
export class SeriesSet {
  readonly #series = new Map<string, Series>();
  readonly #bounds: SeriesBounds;
  #overflowed = 0;
  #firstOverflow: string | null = null;

  constructor(bounds: Partial<SeriesBounds> = {}) {
    this.#bounds = { ...DEFAULT_BOUNDS, ...bounds };
  }

  get size(): number {
    return this.#series.size;
  }
  /** Combinations of metric and tags that found no room, and the first of them. */
  get overflow(): { readonly count: number; readonly first: string | null } {
    return { count: this.#overflowed, first: this.#firstOverflow };
  }

  /** The series of a metric under these tags; made when it is new. Hold on to it: it stays valid over windows. */
  series(
    metric: string,
    tags: Tags,
    info: MetricInfo = BUILTIN[metric] ?? { type: 'counter', contains: 'default', unit: 'fixed' },
  ): Series {
    const bounded = this.#boundTags(tags);
    const key = keyOf(metric, bounded);
    const found = this.#series.get(key);
    if (found !== undefined) return found;
    if (this.#series.size >= this.#bounds.maxSeries && bounded !== OVERFLOW_TAGS) {
      this.#overflowed += 1;
      this.#firstOverflow ??= `${metric}{${Object.keys(tags).sort().join(',')}}`;
      return this.#overflowSeries(metric, info);
    }
    const made: Series = { metric, info, tags: bounded, sink: makeSink(info.type, info.unit) };
    this.#series.set(key, made);
    return made;
  }

  #overflowSeries(metric: string, info: MetricInfo): Series {
    const key = keyOf(metric, OVERFLOW_TAGS);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { metric, info, tags: OVERFLOW_TAGS, sink: makeSink(info.type, info.unit) };
      this.#series.set(key, series);
    }
    return series;
  }

  #boundTags(tags: Tags): Tags {
    const names = Object.keys(tags);
    const { maxTags, maxTagLength } = this.#bounds;
    if (
      names.length <= maxTags &&
      names.every((name) => name.length <= maxTagLength && (tags[name] as string).length <= maxTagLength)
    )
      return tags;
    return Object.fromEntries(
      names
        .slice(0, maxTags)
        .map((name) => [name.slice(0, maxTagLength), (tags[name] as string).slice(0, maxTagLength)]),
    );
  }

  counter(metric: string, tags: Tags): Counter {
    return this.series(metric, tags, {
      type: 'counter',
      contains: BUILTIN[metric]?.contains ?? 'default',
      unit: 'fixed',
    }).sink as Counter;
  }
  rate(metric: string, tags: Tags): Rate {
    return this.series(metric, tags, { type: 'rate', contains: 'default', unit: 'fixed' }).sink as Rate;
  }
  gauge(metric: string, tags: Tags): Gauge {
    return this.series(metric, tags, { type: 'gauge', contains: 'default', unit: 'fixed' }).sink as Gauge;
  }
  trend(
    metric: string,
    tags: Tags,
    info: MetricInfo = BUILTIN[metric] ?? { type: 'trend', contains: 'default', unit: 'fixed' },
  ): Trend {
    return this.series(metric, tags, info).sink as Trend;
  }

  [Symbol.iterator](): Iterator<Series> {
    return this.#series.values();
  }

  /** What was touched since the last call, and a fresh start: the series themselves stay. */
  snapshotAndReset(): SeriesSnapshot[] {
    const touched: SeriesSnapshot[] = [];
    for (const series of this.#series.values()) {
      if (!series.sink.touched) continue;
      touched.push(snapshotOf(series));
      series.sink.reset();
    }
    return touched;
  }

  /**
   * Adds what another set measured. A name that is already there with another type is refused.
   * @returns false when the snapshot makes no sense (types clash, numbers are missing, the histogram does not decode).
   */
  merge(snapshot: SeriesSnapshot): boolean {
    const info: MetricInfo = { type: snapshot.type, contains: snapshot.contains, unit: snapshot.unit };
    const known = BUILTIN[snapshot.metric];
    if (known !== undefined && (known.type !== info.type || known.unit !== info.unit)) return false;
    return mergeInto(this.series(snapshot.metric, snapshot.tags, info).sink, snapshot);
  }
}

/** One series as plain data. */
export const snapshotOf = (series: Series): SeriesSnapshot => ({
  metric: series.metric,
  type: series.info.type,
  contains: series.info.contains,
  unit: series.info.unit,
  tags: series.tags,
  ...valuesOf(series.sink),
});

const valuesOf = (sink: Sink): Pick<SeriesSnapshot, 'values' | 'histogram'> => {
  switch (sink.type) {
    case 'counter':
      return { values: [sink.sum] };
    case 'gauge':
      return { values: [sink.value, sink.min, sink.max, sink.atMs] };
    case 'rate':
      return { values: [sink.passes, sink.total] };
    case 'trend':
      return { values: [], histogram: sink.histogram.encode() };
  }
};

const mergeInto = (sink: Sink, from: SeriesSnapshot): boolean => {
  if (sink.type !== from.type) return false;
  const [a, b, c, d] = from.values;
  if (from.values.some((value) => typeof value !== 'number' || Number.isNaN(value))) return false;
  switch (sink.type) {
    case 'counter':
      if (a === undefined) return false;
      sink.add(a);
      return true;
    case 'gauge':
      if (a === undefined || b === undefined || c === undefined || d === undefined) return false;
      sink.add(a, d);
      sink.min = Math.min(sink.min, b);
      sink.max = Math.max(sink.max, c);
      return true;
    case 'rate':
      if (a === undefined || b === undefined) return false;
      sink.passes += a;
      sink.total += b;
      sink.touched = true;
      return true;
    case 'trend':
      return mergeTrend(sink, from.histogram);
  }
};

const mergeTrend = (trend: Trend, histogram: Uint8Array | undefined): boolean => {
  if (histogram === undefined) return false;
  try {
    trend.histogram.merge(Histogram.decode(histogram));
  } catch (thrown) {
    if (thrown instanceof RangeError) return false;
    throw thrown;
  }
  trend.touched = true;
  return true;
};

/** Adds one sink to another of the same type. */
export const mergeSink = (into: Sink, from: Sink): void => {
  if (into.type === 'trend' && from.type === 'trend') {
    into.histogram.merge(from.histogram);
    into.touched = true;
  } else if (into instanceof Gauge && from instanceof Gauge) {
    into.add(from.value, from.atMs);
    into.min = Math.min(into.min, from.min);
    into.max = Math.max(into.max, from.max);
  } else if (into.type === 'counter' && from.type === 'counter') into.add(from.sum);
  else if (into.type === 'rate' && from.type === 'rate') {
    into.passes += from.passes;
    into.total += from.total;
    into.touched = true;
  }
};
