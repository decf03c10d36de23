import { BUILTIN, fits, type MetricType, parseCondition, parseSelector, type ThresholdSpec } from '@muster/metrics';
import { suggestion } from './fault.js';
import { isRecord, Reader } from './reader.js';

/** A custom metric that a test has declared. */
export interface DeclaredMetric {
  readonly name: string;
  readonly type: MetricType;
}

/** Reads `thresholds`; with the declared metrics, one on a metric that does not exist is a fault. */
export const readThresholds = (
  from: Reader,
  metrics: readonly DeclaredMetric[] | undefined,
): readonly ThresholdSpec[] => {
  const given = from.raw('thresholds');
  if (given === undefined) return [];
  if (!isRecord(given)) {
    from.fault('thresholds', 'must be an object of metric to conditions');
    return [];
  }
  return Object.entries(given).flatMap(([key, conditions]) => {
    const path = `thresholds.${key}`;
    const type = metricType(key, path, from, metrics);
    const list: readonly unknown[] = Array.isArray(conditions) ? conditions : [conditions];
    return list.flatMap((each, index) => readThreshold(key, each, `${path}.${index}`, type, from));
  });
};

const metricType = (
  key: string,
  path: string,
  from: Reader,
  metrics: readonly DeclaredMetric[] | undefined,
): MetricType | undefined => {
  const selector = parseSelector(key);
  if (typeof selector === 'string') {
    from.faults.add(path, selector);
    return undefined;
  }
  const { metric } = selector;
  const builtin = Object.hasOwn(BUILTIN, metric) ? BUILTIN[metric]?.type : undefined;
  const type = builtin ?? metrics?.find((each) => each.name === metric)?.type;
  if (type === undefined && metrics !== undefined) {
    const known = [...Object.keys(BUILTIN), ...metrics.map((each) => each.name)];
    from.faults.add(path, `there is no metric "${metric}"${suggestion(metric, known)}`);
  }
  return type;
};

const readThreshold = (
  key: string,
  given: unknown,
  path: string,
  type: MetricType | undefined,
  from: Reader,
): readonly ThresholdSpec[] => {
  const fields = isRecord(given) ? given : { threshold: given };
  const reader = new Reader(fields, path, from.faults);
  const expression = reader.raw('threshold');
  if (typeof expression !== 'string') {
    from.faults.add(path, 'must be a text like "p(95)<500", or an object with one as `threshold`');
    return [];
  }
  const condition = parseCondition(expression);
  const wrong = typeof condition === 'string' ? condition : type === undefined ? null : fits(condition, type);
  if (wrong !== null) from.faults.add(path, wrong);
  const spec = {
    key,
    expression: expression.trim(),
    abortOnFail: reader.flag('abortOnFail', false),
    delayAbortEvalMs: reader.durationMs('delayAbortEval', 0),
  };
  reader.end();
  return [spec];
};
