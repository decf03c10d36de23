import type { Sink, Trend } from './sinks.js';

/** The statistics of a trend in a summary unless the test asks for others (k6's). */
export const DEFAULT_TREND_STATS: readonly string[] = ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)'];

/** A rate over less than a millisecond says nothing: it is taken over one. */
const LEAST_SECONDS = 0.001;

/**
 * One statistic by k6's name (`avg min med max count p(N)` of a trend, `count rate` of a counter …); undefined if there
 * is none of that name. Times are in milliseconds. `seconds` is how long was measured: a counter's rate is over it.
 */
export const statistic = (sink: Sink, name: string, seconds: number): number | undefined => {
  switch (sink.type) {
    case 'counter':
      return pick({ count: () => sink.sum, rate: () => sink.sum / Math.max(seconds, LEAST_SECONDS) }, name);
    case 'gauge':
      return pick({ value: () => sink.value, min: () => sink.min, max: () => sink.max }, name);
    case 'rate':
      return pick(
        {
          rate: () => (sink.total === 0 ? 0 : sink.passes / sink.total),
          passes: () => sink.passes,
          fails: () => sink.total - sink.passes,
        },
        name,
      );
    case 'trend':
      return trendStatistic(sink, name);
  }
};

/** A metric's values under k6's names, as a summary holds them; what a trend does not have is left out. */
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
  const values: Record<string, number> = {};
  for (const name of names) {
    const value = statistic(sink, name, seconds);
    if (value !== undefined) values[name] = value;
  }
  return values;
};

/** Whether a trend has a statistic of this name, for checking `summaryTrendStats`. */
export const isTrendStat = (name: string): boolean =>
  ['count', 'avg', 'min', 'med', 'max'].includes(name) || percentOf(name) !== undefined;

const percentOf = (name: string): number | undefined => {
  const digits = /^p\((\d+(?:\.\d+)?)\)$/.exec(name)?.[1];
  return digits === undefined || Number(digits) > 100 ? undefined : Number(digits);
};

const pick = (has: Readonly<Record<string, () => number>>, name: string): number | undefined =>
  Object.hasOwn(has, name) ? has[name]?.() : undefined;

const trendStatistic = ({ histogram, unit }: Trend, name: string): number | undefined => {
  // Dividing gives the nearest double of the decimal that people see; multiplying by 0.001 does not.
  const shown = unit === 'us' ? 1_000 : 1_000_000;
  switch (name) {
    case 'count':
      return histogram.count;
    case 'avg':
      return histogram.mean / shown;
    case 'min':
      return histogram.min / shown;
    case 'max':
      return histogram.max / shown;
    case 'med':
      return histogram.percentile(50) / shown;
    default: {
      const percent = percentOf(name);
      return percent === undefined ? undefined : histogram.percentile(percent) / shown;
    }
  }
};
