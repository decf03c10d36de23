import { type Aggregate, aggregate } from './aggregate.js';
import type { Contains, MetricType } from './metric-info.js';
import type { SeriesSet } from './series-set.js';
import { DEFAULT_TREND_STATS, summaryValues } from './statistic.js';
import type { Tags } from './tag-set.js';
import { parseSelector } from './threshold-selector.js';

/** A metric as the exported summary shows it. */
export interface MetricSummary {
  readonly type: MetricType;
  readonly contains: Contains;
  readonly values: Readonly<Record<string, number>>;
}

/** A part of a metric, chosen by tags. */
export interface SubmetricSummary extends MetricSummary {
  readonly metric: string;
  readonly tags: Tags;
}

export interface SummarizeOptions {
  /** How long was measured. */
  readonly seconds: number;
  /** @default {@link DEFAULT_TREND_STATS} */
  readonly trendStats?: readonly string[];
  /** Keys of thresholds; those with tags become submetrics. @default none */
  readonly selectors?: readonly string[];
}

/** `metrics` and `submetrics` of a run's summary. What nothing was recorded in is not there. */
export const summarizeMetrics = (
  set: SeriesSet,
  { seconds, trendStats = DEFAULT_TREND_STATS, selectors = [] }: SummarizeOptions,
): {
  readonly metrics: Record<string, MetricSummary>;
  readonly submetrics: Record<string, SubmetricSummary>;
} => {
  const shown = ({ info, sink }: Aggregate): MetricSummary => ({
    type: info.type,
    contains: info.contains,
    values: summaryValues(sink, seconds, trendStats),
  });
  const metrics: Record<string, MetricSummary> = {};
  for (const metric of set.metrics()) {
    const all = aggregate(set, metric);
    if (all !== undefined) metrics[metric] = shown(all);
  }
  const submetrics: Record<string, SubmetricSummary> = {};
  for (const key of selectors) {
    const selector = parseSelector(key);
    if (typeof selector === 'string' || Object.keys(selector.tags).length === 0) continue;
    const part = aggregate(set, selector.metric, selector.tags);
    if (part !== undefined) submetrics[key] = { metric: selector.metric, tags: selector.tags, ...shown(part) };
  }
  return { metrics, submetrics };
};
