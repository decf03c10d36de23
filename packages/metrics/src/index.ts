/**
 * Statistics that merge exactly: histograms, sinks, series by tags, windows, thresholds. Pure; runs in a browser.
 *
 * @packageDocumentation
 */
export { type Aggregate, aggregate, DEFAULT_TREND_STATS, metricNames, statistic, summaryValues } from './aggregate.js';
export { BUILTIN, type MetricInfo } from './builtin.js';
export { Histogram, MAX_FIXED } from './histogram.js';
export {
  DEFAULT_BOUNDS,
  mergeSink,
  OVERFLOW_TAGS,
  type Series,
  type SeriesBounds,
  SeriesSet,
  type SeriesSnapshot,
  snapshotOf,
  type Tags,
} from './series-set.js';
export {
  type Contains,
  Counter,
  FIXED_SCALE,
  Gauge,
  MAX_TIME_US,
  type MetricType,
  makeSink,
  Rate,
  type Sink,
  Trend,
  type TrendUnit,
} from './sinks.js';
export {
  type Condition,
  evaluateThresholds,
  fits,
  parseCondition,
  parseSelector,
  type Selector,
  type ThresholdResult,
  type ThresholdSpec,
} from './threshold.js';
export { RunSeries } from './windows.js';
