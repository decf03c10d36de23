import type { MetricType } from './metric-info.js';
import { scan } from './text-scanner.js';

const OPERATORS = {
  '>=': (a: number, b: number) => a >= b,
  '<=': (a: number, b: number) => a <= b,
  '===': (a: number, b: number) => a === b,
  '==': (a: number, b: number) => a === b,
  '!=': (a: number, b: number) => a !== b,
  '>': (a: number, b: number) => a > b,
  '<': (a: number, b: number) => a < b,
} as const;
export type Operator = keyof typeof OPERATORS;

/** `p(95)<500`, read. */
export interface Condition {
  /** As {@link statistic} takes it. */
  readonly aggregation: string;
  readonly operator: Operator;
  readonly limit: number;
  readonly source: string;
}

const AGGREGATIONS: Readonly<Record<MetricType, readonly string[]>> = {
  counter: ['count', 'rate'],
  gauge: ['value'],
  rate: ['rate'],
  trend: ['avg', 'min', 'max', 'med', 'p(N)'],
};

/**
 * Reads a condition in k6's grammar (`AGGREGATION OPERATOR NUMBER`; a limit may be negative too); a text that says what
 * is wrong, and at which character, otherwise.
 */
export const parseCondition = (source: string): Condition | string =>
  scan(source, (from) => {
    from.skipSpace();
    let aggregation = from.need(
      /(?:count|rate|value|avg|min|max|med)\b|p(?=\s*\()/y,
      'count, rate, value, avg, min, max, med or p(N)',
    );
    if (aggregation === 'p') {
      from.need(/\s*\(\s*/y, '"("');
      const percent = Number(from.need(/\d+(?:\.\d+)?/y, 'a number from 0 to 100'));
      if (percent > 100) from.fail('a percentile is at most 100, stopped');
      from.need(/\s*\)/y, '")"');
      aggregation = `p(${percent})`;
    }
    from.skipSpace();
    const operator = from.need(/>=|<=|===|==|!=|>|</y, 'one of > >= < <= == === !=') as Operator;
    from.skipSpace();
    const limit = Number(from.need(/-?\d+(?:\.\d+)?/y, 'a number'));
    from.skipSpace();
    from.needEnd();
    return { aggregation, operator, limit, source: source.trim() };
  });

/** Whether a metric of this type has what the condition asks for; a text that says what it has otherwise. */
export const fits = (condition: Condition, type: MetricType): string | null => {
  const asked = condition.aggregation.startsWith('p(') ? 'p(N)' : condition.aggregation;
  if (AGGREGATIONS[type].includes(asked)) return null;
  return `"${condition.source}": a ${type} has ${AGGREGATIONS[type].join(', ')}, not ${condition.aggregation}`;
};

/** Whether a value meets the condition. */
export const holds = (condition: Condition, value: number): boolean =>
  OPERATORS[condition.operator](value, condition.limit);
