import type { MetricInfo } from './metric-info.js';
import type { SeriesSet } from './series-set.js';
import { makeSink, mergeSink, type Sink } from './sinks.js';
import type { Tags } from './tag-set.js';

/** All series of a metric put together. */
export interface Aggregate {
  readonly info: MetricInfo;
  readonly sink: Sink;
}

/**
 * Merges every series of a metric whose tags include all of `tags`; undefined when nothing was recorded in any. Series
 * that a script made and never used don't count.
 */
export const aggregate = (set: SeriesSet, metric: string, tags: Tags = {}): Aggregate | undefined => {
  let found: Aggregate | undefined;
  const wanted = Object.entries(tags);
  for (const series of set.of(metric)) {
    if (!series.sink.touched || !wanted.every(([name, value]) => series.tags[name] === value)) continue;
    found ??= { info: series.info, sink: makeSink(series.info) };
    mergeSink(found.sink, series.sink);
  }
  return found;
};

/** The names of all metrics in which something was recorded, sorted. */
export const metricNames = (set: SeriesSet): string[] => set.metrics();
