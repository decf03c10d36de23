/**
 * Statistics that merge exactly: histograms, sinks, series by tags, windows, thresholds. Pure; runs in a browser.
 *
 * @packageDocumentation
 */
export { type Aggregate, aggregate, metricNames } from './aggregate.js';
export { BUILTIN } from './builtin.js';
export {
  abortingThreshold,
  evaluateThresholds,
  type ThresholdResult,
  type ThresholdSpec,
  thresholdFaults,
} from './evaluate-thresholds.js';
export { Histogram, MAX_FIXED, nearestRank } from './histogram.js';
export { type Contains, isMetricName, type MetricInfo, type MetricType, type TrendUnit } from './metric-info.js';
export { RunSeries, type RunSeriesOptions } from './run-series.js';
export { DEFAULT_BOUNDS, type Overflow, type SeriesBounds, SeriesSet } from './series-set.js';
export { readSnapshot, type Series, type SeriesSnapshot, snapshotOf } from './series-snapshot.js';
export { Counter, FIXED_SCALE, Gauge, MAX_TIME_US, makeSink, mergeSink, Rate, type Sink, Trend } from './sinks.js';
export { DEFAULT_TREND_STATS, isTrendStat, statistic, summaryValues } from './statistic.js';
export {
  type MetricSummary,
  type SubmetricSummary,
  type SummarizeOptions,
  summarizeMetrics,
} from './summarize-metrics.js';
export { type SecondsBudget, SummedGauge } from './summed-gauge.js';
export { OVERFLOW_TAGS, TagSet, type Tags } from './tag-set.js';
export { type Condition, fits, holds, type Operator, parseCondition } from './threshold-condition.js';
export { parseSelector, type Selector } from './threshold-selector.js';
