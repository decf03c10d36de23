import { BUILTIN } from './builtin.js';
import { Histogram } from './histogram.js';
import { type Contains, isMetricName, type MetricInfo, type MetricType, type TrendUnit } from './metric-info.js';
import { Counter, Gauge, Rate, type Sink, Trend } from './sinks.js';
import type { Tags } from './tag-set.js';

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

/** One series as plain data; every number in it is finite. */
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
      return { values: [finite(sink.sum)] };
    case 'gauge':
      return { values: [sink.value, sink.min, sink.max, sink.atMs].map(finite) };
    case 'rate':
      return { values: [sink.passes, sink.total] };
    case 'trend':
      return { values: [], histogram: sink.histogram.encode() };
  }
};

const finite = (value: number): number => Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, value));

/**
 * Reads one series from plain data of any origin. A summed gauge comes back as a plain one: it is a part, and becomes a
 * sum where it is merged.
 * @returns undefined when the data makes no sense: a field is missing or of another type, numbers are not finite or
 * contradict each other, the histogram does not decode, or a built-in metric is not what it should be.
 */
export const readSnapshot = (from: SeriesSnapshot | Readonly<Record<string, unknown>>): Series | undefined => {
  const { metric, type, contains, unit, tags, values, histogram } = from as Readonly<Record<string, unknown>>;
  if (typeof metric !== 'string' || !isMetricName(metric) || !isTags(tags) || !isNumbers(values)) return undefined;
  if (!isOneOf(TYPES, type) || !isOneOf(CONTENTS, contains) || !isOneOf(UNITS, unit)) return undefined;
  const builtin = BUILTIN[metric];
  const info = builtin ?? { type, contains, unit };
  if (!sameKind(info, { type, unit })) return undefined;
  const sink = readSink(info, values, histogram);
  return sink === undefined ? undefined : { metric, info, tags, sink };
};

/** Whether values of both may be added up. */
export const sameKind = (a: Pick<MetricInfo, 'type' | 'unit'>, b: Pick<MetricInfo, 'type' | 'unit'>): boolean =>
  a.type === b.type && (a.type !== 'trend' || a.unit === b.unit);

const TYPES: readonly MetricType[] = ['counter', 'gauge', 'rate', 'trend'];
const CONTENTS: readonly Contains[] = ['default', 'time', 'data'];
const UNITS: readonly TrendUnit[] = ['us', 'fixed'];

const isOneOf = <T>(list: readonly T[], value: unknown): value is T => list.includes(value as T);
const isNumbers = (values: unknown): values is readonly number[] =>
  Array.isArray(values) && values.every(Number.isFinite);
const isTags = (tags: unknown): tags is Tags =>
  typeof tags === 'object' &&
  tags !== null &&
  !Array.isArray(tags) &&
  Object.values(tags).every((value) => typeof value === 'string');

const readSink = (info: MetricInfo, values: readonly number[], histogram: unknown): Sink | undefined => {
  const [first, second, third, fourth] = values;
  switch (info.type) {
    case 'counter':
      return first === undefined ? undefined : Object.assign(new Counter(), { sum: first, touched: true });
    case 'gauge': {
      if (first === undefined || second === undefined || third === undefined || fourth === undefined) return undefined;
      if (second > first || first > third) return undefined;
      return Object.assign(new Gauge(), { value: first, min: second, max: third, atMs: fourth, touched: true });
    }
    case 'rate': {
      if (!Number.isSafeInteger(first) || !Number.isSafeInteger(second)) return undefined;
      const [passes = 0, total = 0] = values;
      if (passes < 0 || passes > total) return undefined;
      return Object.assign(new Rate(), { passes, total, touched: true });
    }
    case 'trend':
      return readTrend(info.unit, histogram);
  }
};

const readTrend = (unit: TrendUnit, histogram: unknown): Trend | undefined => {
  if (!(histogram instanceof Uint8Array)) return undefined;
  const trend = new Trend(unit);
  try {
    trend.histogram.merge(Histogram.decode(histogram));
  } catch (thrown) {
    if (thrown instanceof RangeError) return undefined;
    throw thrown;
  }
  trend.touched = true;
  return trend;
};
