import type { MetricInfo } from './builtin.js';
import { mergeSink, type SeriesSet, type Tags } from './series-set.js';
import { makeSink, type Sink } from './sinks.js';

/** All series of a metric put together. */
export interface Aggregate {
  readonly info: MetricInfo;
  readonly sink: Sink;
}

/** The statistics of a trend in a summary unless the test asks for others (k6's). */
export const DEFAULT_TREND_STATS: readonly string[] = ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)'];

/** Merges every series of a metric whose tags include all of `tags`; undefined when there is none. */
export const aggregate = (set: SeriesSet, metric: string, tags: Tags = {}): Aggregate | undefined => {
  let info: MetricInfo | undefined;
  let sink: Sink | undefined;
  const wanted = Object.entries(tags);
  for (const series of set) {
    if (series.metric !== metric || !wanted.every(([name, value]) => series.tags[name] === value)) continue;
    info ??= series.info;
    sink ??= makeSink(series.info.type, series.info.unit);
    if (sink.type === series.sink.type) mergeSink(sink, series.sink);
  }
  return info === undefined || sink === undefined ? undefined : { info, sink };
};

/** The names of all metrics in a set, sorted. */
export const metricNames = (set: SeriesSet): string[] => [...new Set([...set].map((series) => series.metric))].sort();

/** One statistic by k6's name (`avg min med max count p(N)` of a trend, `count rate` …); undefined if there is none of that name. */
export const statistic = (sink: Sink, name: string, seconds: number): number | undefined => {
  switch (sink.type) {
    case 'counter':
      return name === 'count' ? sink.sum : name === 'rate' ? sink.sum / Math.max(seconds, 0.001) : undefined;
    case 'gauge':
      return name === 'value' ? sink.value : name === 'min' ? sink.min : name === 'max' ? sink.max : undefined;
    case 'rate':
      return name === 'rate'
        ? sink.total === 0
          ? 0
          : sink.passes / sink.total
        : name === 'passes'
          ? sink.passes
          : name === 'fails'
            ? sink.total - sink.passes
            : undefined;
    case 'trend':
      return trendStatistic(sink, name);
  }
};

const trendStatistic = (sink: Extract<Sink, { type: 'trend' }>, name: string): number | undefined => {
  const { histogram, scale } = sink;
  switch (name) {
    case 'count':
      return histogram.count;
    case 'avg':
      return histogram.mean * scale;
    case 'min':
      return histogram.min * scale;
    case 'max':
      return histogram.max * scale;
    case 'med':
      return histogram.percentile(50) * scale;
    default: {
      const p = /^p\((\d+(?:\.\d+)?)\)$/.exec(name)?.[1];
      return p === undefined ? undefined : histogram.percentile(Number(p)) * scale;
    }
  }
};

/** A metric's values under k6's names, as a summary holds them. */
export const summaryValues = (
  sink: Sink,
  seconds: number,
  trendStats: readonly string[] = DEFAULT_TREND_STATS,
): Record<string, number> => {
  const names = {
    counter: ['count', 'rate'],
    gauge: ['value', 'min', 'max'],
    rate: ['rate', 'passes', 'fails'],
    trend: ['count', ...trendStats],
  }[sink.type];
  return Object.fromEntries(names.map((name) => [name, statistic(sink, name, seconds) ?? 0]));
};
