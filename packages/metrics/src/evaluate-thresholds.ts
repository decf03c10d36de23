import { type Aggregate, aggregate } from './aggregate.js';
import type { MetricType } from './metric-info.js';
import type { SeriesSet } from './series-set.js';
import { statistic } from './statistic.js';
import { fits, holds, parseCondition } from './threshold-condition.js';
import { parseSelector } from './threshold-selector.js';

/** One threshold of a test, as resolved options hold it. */
export interface ThresholdSpec {
  /** The key in `options.thresholds`. */
  readonly key: string;
  readonly expression: string;
  readonly abortOnFail: boolean;
  /** Milliseconds of the run in which a failure does not abort yet. */
  readonly delayAbortEvalMs: number;
}

/** How a threshold stands. `value` is undefined while there is no data, and then it is not ok. */
export interface ThresholdResult {
  readonly spec: ThresholdSpec;
  readonly ok: boolean;
  readonly value: number | undefined;
}

/**
 * What is wrong with a threshold; empty when nothing is. `typeOf` tells a metric's type; undefined means that it is not
 * known (yet), and then only the grammar is checked.
 */
export const thresholdFaults = (
  key: string,
  expression: string,
  typeOf: (metric: string) => MetricType | undefined,
): string[] => {
  const selector = parseSelector(key);
  const condition = parseCondition(expression);
  const faults = [selector, condition].filter((each) => typeof each === 'string');
  if (typeof selector === 'string' || typeof condition === 'string') return faults;
  const type = typeOf(selector.metric);
  const misfit = type === undefined ? null : fits(condition, type);
  return misfit === null ? faults : [...faults, misfit];
};

/**
 * Evaluates thresholds on merged metrics. A threshold without data is not ok: silence proves nothing (k6 lets it pass).
 * That holds for a counter too: `count<1` on a metric that nothing was ever added to fails. One that can't be read, or
 * asks for what the metric does not have, is not ok either; `thresholdFaults` says so before a run.
 */
export const evaluateThresholds = (
  set: SeriesSet,
  specs: readonly ThresholdSpec[],
  seconds: number,
): ThresholdResult[] => {
  const merged = new Map<string, Aggregate | undefined>();
  return specs.map((spec) => {
    const condition = parseCondition(spec.expression);
    if (typeof condition === 'string') return { spec, ok: false, value: undefined };
    if (!merged.has(spec.key)) merged.set(spec.key, choose(set, spec.key));
    const found = merged.get(spec.key);
    if (found === undefined || fits(condition, found.info.type) !== null) return { spec, ok: false, value: undefined };
    const value = statistic(found.sink, condition.aggregation, seconds);
    return { spec, ok: value !== undefined && holds(condition, value), value };
  });
};

/** Undefined when nothing was recorded, or only values that were no numbers. */
const choose = (set: SeriesSet, key: string): Aggregate | undefined => {
  const selector = parseSelector(key);
  if (typeof selector === 'string') return undefined;
  const found = aggregate(set, selector.metric, selector.tags);
  return found?.sink.type === 'trend' && found.sink.histogram.count === 0 ? undefined : found;
};

/**
 * The first threshold for which the run is to be aborted now, `elapsedMs` after its start. Having no data yet is no
 * reason: else every run would end in its first second.
 */
export const abortingThreshold = (
  results: readonly ThresholdResult[],
  elapsedMs: number,
): ThresholdResult | undefined =>
  results.find(
    ({ spec, ok, value }) => !ok && value !== undefined && spec.abortOnFail && elapsedMs >= spec.delayAbortEvalMs,
  );
