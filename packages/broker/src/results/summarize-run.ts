import { aggregate, evaluateThresholds, type SeriesSet, summarizeMetrics, type ThresholdResult } from '@muster/metrics';
import type { Summary } from '@muster/protocol';
import { coverageOf } from './coverage.js';
import type { RunFacts } from './run-facts.js';
import type { RunResults } from './run-results.js';

/** The part of a summary that comes from the results; the controller adds what it knows of the run. */
export type SummarizedResults = Pick<
  Summary,
  'metrics' | 'submetrics' | 'thresholds' | 'checks' | 'errors' | 'coverage'
>;

/** Seconds that rates are over: as far as anything was sealed, so neither waiting nor settling makes a rate smaller. */
export const measuredSeconds = (results: RunResults, facts: RunFacts): number => {
  const sealedMs = results.accounts.latestMs;
  return Math.max(0.001, (sealedMs > 0 ? sealedMs : (facts.endedAtMs ?? 0)) / 1_000);
};

/** Evaluates the thresholds of a run on all that is merged by now. */
export const judge = (results: RunResults, facts: RunFacts): readonly ThresholdResult[] =>
  evaluateThresholds(results.series.totals, facts.options?.thresholds ?? [], measuredSeconds(results, facts));

/** Sums a run up. `judged` are the thresholds on which the verdict rests: late results don't change them. */
export const summarizeRun = (
  results: RunResults,
  facts: RunFacts,
  judged: readonly ThresholdResult[],
): SummarizedResults => {
  const { totals } = results.series;
  const { options } = facts;
  const { metrics, submetrics } = summarizeMetrics(totals, {
    seconds: measuredSeconds(results, facts),
    ...(options === null ? {} : { trendStats: options.summaryTrendStats }),
    selectors: options?.thresholds.map((spec) => spec.key) ?? [],
  });
  return {
    metrics: mapValues(metrics, (metric) => ({ ...metric, values: finite(metric.values) })),
    submetrics: mapValues(submetrics, (metric) => ({
      ...metric,
      tags: { ...metric.tags },
      values: finite(metric.values),
    })),
    thresholds: judged.map(({ spec, ok, value }) => ({
      metric: spec.key,
      expression: spec.expression,
      ok,
      value: value ?? null,
      abortOnFail: spec.abortOnFail,
    })),
    checks: checksOf(totals),
    errors: [...results.errors.list()],
    coverage: coverageOf({ facts, accounts: results.accounts, closed: results.closed, totals, rows: results.rows }),
  };
};

const mapValues = <A, B>(from: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(from).map(([name, value]) => [name, change(value)]));

/** JSON has no infinity: what is not finite is null. */
const finite = (values: Readonly<Record<string, number>>): Record<string, number | null> =>
  mapValues(values, (value) => (Number.isFinite(value) ? value : null));

const checksOf = (totals: SeriesSet): Summary['checks'] => {
  const names = new Map<string, { name: string; group: string }>();
  for (const { tags } of totals.of('checks')) {
    const name = tags.check ?? '';
    const group = tags.group ?? '';
    names.set(`${group}\u0000${name}`, { name, group });
  }
  return [...names.values()].flatMap(({ name, group }) => {
    const found = aggregate(totals, 'checks', { check: name, group }) ?? aggregate(totals, 'checks', { check: name });
    if (found?.sink.type !== 'rate') return [];
    return [{ name, group, passes: found.sink.passes, fails: found.sink.total - found.sink.passes }];
  });
};
