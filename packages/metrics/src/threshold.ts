import { aggregate, statistic } from './aggregate.js';
import type { MetricInfo } from './builtin.js';
import type { SeriesSet, Tags } from './series-set.js';
import type { MetricType } from './sinks.js';

const OPERATORS = {
  '>=': (a: number, b: number) => a >= b,
  '<=': (a: number, b: number) => a <= b,
  '===': (a: number, b: number) => a === b,
  '==': (a: number, b: number) => a === b,
  '!=': (a: number, b: number) => a !== b,
  '>': (a: number, b: number) => a > b,
  '<': (a: number, b: number) => a < b,
} as const;
type Operator = keyof typeof OPERATORS;

/** `p(95)<500`, read. */
export interface Condition {
  readonly aggregation: string;
  readonly operator: Operator;
  readonly limit: number;
  readonly source: string;
}

/** A metric with the tags that choose among its series: `http_req_duration{name:cart}`. */
export interface Selector {
  readonly metric: string;
  readonly tags: Tags;
}

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

const SHAPE =
  /^\s*(count|rate|value|avg|min|max|med|p\(\s*(\d+(?:\.\d+)?)\s*\))\s*(>=|<=|===|==|!=|>|<)\s*(-?\d+(?:\.\d+)?)\s*$/;
const AGGREGATIONS: Readonly<Record<MetricType, readonly string[]>> = {
  counter: ['count', 'rate'],
  gauge: ['value'],
  rate: ['rate'],
  trend: ['avg', 'min', 'max', 'med', 'p(N)'],
};

/** Reads a condition in k6's grammar; a text that says what is wrong otherwise. */
export const parseCondition = (source: string): Condition | string => {
  const found = SHAPE.exec(source);
  if (found === null) return `"${source}" is not AGGREGATION OPERATOR NUMBER, as in "p(95)<500" or "rate<0.01"`;
  const [, name = '', percentile, operator = '<', limit = '0'] = found;
  if (percentile !== undefined && Number(percentile) > 100) return `"${source}" asks for a percentile above 100`;
  return {
    aggregation: percentile === undefined ? name : `p(${Number(percentile)})`,
    operator: operator as Operator,
    limit: Number(limit),
    source: source.trim(),
  };
};

/** Reads a threshold's key; a text that says what is wrong otherwise. */
export const parseSelector = (key: string): Selector | string => {
  const found = /^\s*([A-Za-z_][\w.-]*)\s*(?:\{([^{}]*)\})?\s*$/.exec(key);
  if (found === null) return `"${key}" is not METRIC or METRIC{tag:value}`;
  const tags: Record<string, string> = {};
  for (const part of (found[2] ?? '').split(',').filter((text) => text.trim() !== '')) {
    const at = part.indexOf(':');
    if (at < 1) return `"${part.trim()}" in "${key}" is not tag:value`;
    tags[part.slice(0, at).trim()] = part
      .slice(at + 1)
      .trim()
      .replace(/^["'](.*)["']$/, '$1');
  }
  return { metric: found[1] ?? '', tags };
};

/** Whether a metric of this type has what the condition asks for; a text that says what it has otherwise. */
export const fits = (condition: Condition, type: MetricType): string | null => {
  const asked = condition.aggregation.startsWith('p(') ? 'p(N)' : condition.aggregation;
  if (AGGREGATIONS[type].includes(asked)) return null;
  return `"${condition.source}": a ${type} has ${AGGREGATIONS[type].join(', ')}, not ${condition.aggregation}`;
};

/**
 * Evaluates thresholds on merged metrics. A threshold without data fails: silence proves nothing (k6 lets it pass).
 * `lookup` is not needed: specs were checked when the run was prepared; one that can't be read counts as failed.
 */
export const evaluateThresholds = (
  set: SeriesSet,
  specs: readonly ThresholdSpec[],
  seconds: number,
): ThresholdResult[] =>
  specs.map((spec) => {
    const condition = parseCondition(spec.expression);
    const selector = parseSelector(spec.key);
    if (typeof condition === 'string' || typeof selector === 'string') return { spec, ok: false, value: undefined };
    const found = aggregate(set, selector.metric, selector.tags);
    const value =
      found === undefined || isEmpty(found) ? undefined : statistic(found.sink, condition.aggregation, seconds);
    return { spec, ok: value !== undefined && OPERATORS[condition.operator](value, condition.limit), value };
  });

const isEmpty = ({ sink }: { readonly info: MetricInfo; readonly sink: { readonly touched: boolean } }): boolean =>
  !sink.touched;
