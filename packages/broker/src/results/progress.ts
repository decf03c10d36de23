import { aggregate, type SeriesSet, statistic, type ThresholdResult } from '@muster/metrics';
import {
  activeMsOf,
  endsByIterations,
  isArrival,
  iterationsOf,
  maxVusOf,
  type ResolvedOptions,
  type ResolvedScenario,
  scheduleOf,
  vusAt,
} from '@muster/plan';
import type { Progress } from '@muster/protocol';
import type { RunResults } from './run-results.js';

/** A progress event but for what the controller knows: run, number, state and agents. */
export type ResultsProgress = Pick<
  Progress,
  'atMs' | 'plannedMs' | 'requests' | 'latency' | 'iterations' | 'checks' | 'scenarios' | 'thresholds'
>;

const NONE = { scenario: undefined } as const;

const counterOf = (
  set: SeriesSet | undefined,
  metric: string,
  scenario: string | undefined = NONE.scenario,
): number => {
  if (set === undefined) return 0;
  const found = aggregate(set, metric, scenario === undefined ? {} : { scenario });
  return found?.sink.type === 'counter' ? Math.round(found.sink.sum) : 0;
};
const rateOf = (set: SeriesSet | undefined, metric: string): { readonly passes: number; readonly total: number } => {
  const found = set === undefined ? undefined : aggregate(set, metric);
  return found?.sink.type === 'rate' ? found.sink : { passes: 0, total: 0 };
};
const latencyOf = (set: SeriesSet | undefined): Progress['latency']['total'] => {
  const found = set === undefined ? undefined : aggregate(set, 'http_req_duration');
  if (found?.sink.type !== 'trend' || found.sink.histogram.count === 0) return null;
  const { sink } = found;
  const of = (name: string) => statistic(sink, name, 1) ?? 0;
  return { p50: of('p(50)'), p95: of('p(95)'), p99: of('p(99)') };
};

/** When the load ends by plan; null when iterations decide. Graceful stops come on top. */
export const plannedMsOf = (options: ResolvedOptions): number | null =>
  options.scenarios.some((scenario) => endsByIterations(scenario) || scenario.after !== null)
    ? null
    : Math.max(...options.scenarios.map((scenario) => scenario.startTimeMs + activeMsOf(scenario)));

/** How the thresholds stand, as it is shown. */
export const shownThresholds = (results: readonly ThresholdResult[]): Progress['thresholds'] =>
  results.map(({ spec, ok, value }) => ({ metric: spec.key, expression: spec.expression, ok, value: value ?? null }));

/** A run's figures at an instant of its clock: totals, and of the last second that every worker is through with. */
export const progressOf = (
  results: RunResults,
  options: ResolvedOptions,
  agents: number,
  atMs: number,
): ResultsProgress => {
  const { totals } = results.series;
  const second = lastWholeSecond(results);
  const failed = rateOf(totals, 'http_req_failed');
  const failedNow = rateOf(second, 'http_req_failed');
  const checks = rateOf(totals, 'checks');
  return {
    atMs,
    plannedMs: plannedMsOf(options),
    requests: {
      count: counterOf(totals, 'http_reqs'),
      failed: failed.passes,
      rate: counterOf(second, 'http_reqs'),
      failedRate: failedNow.total === 0 ? 0 : failedNow.passes / failedNow.total,
    },
    latency: { second: latencyOf(second), total: latencyOf(totals) },
    iterations: {
      count: counterOf(totals, 'iterations'),
      rate: counterOf(second, 'iterations'),
      dropped: counterOf(totals, 'dropped_iterations'),
      failed: counterOf(totals, 'iterations_failed'),
    },
    checks: { passes: checks.passes, fails: checks.total - checks.passes },
    scenarios: options.scenarios.map((scenario) => scenarioProgress(scenario, totals, second, agents, atMs)),
    thresholds: shownThresholds(results.thresholds),
  };
};

/** The newest second but one: of the newest some worker's window may still be on its way. */
const lastWholeSecond = (results: RunResults): SeriesSet | undefined => {
  const { newestSecond } = results.series;
  return results.series.second(newestSecond - 1) ?? results.series.second(newestSecond);
};

const scenarioProgress = (
  scenario: ResolvedScenario,
  totals: SeriesSet,
  second: SeriesSet | undefined,
  agents: number,
  atMs: number,
): Progress['scenarios'][number] => {
  const { name, executor } = scenario;
  const times = scenario.perAgent ? Math.max(1, agents) : 1;
  const iterations = counterOf(totals, 'iterations', name);
  const dropped = counterOf(totals, 'dropped_iterations', name);
  const planned = plannedIterations(scenario);
  const sinceMs = atMs - scenario.startTimeMs;
  const byTime = Math.min(1, Math.max(0, sinceMs / Math.max(1, activeMsOf(scenario))));
  const ratio =
    endsByIterations(scenario) && planned !== null
      ? Math.min(1, (iterations + dropped) / Math.max(1, planned * times))
      : byTime;
  return {
    name,
    executor,
    ratio,
    vus: vusNow(scenario, totals, sinceMs, ratio) * (isArrival(scenario) ? 1 : times),
    maxVus: maxVusOf(scenario) * times,
    iterations,
    planned: planned === null ? null : planned * times,
    dropped,
    rate: counterOf(second, 'iterations', name),
  };
};

const plannedIterations = (scenario: ResolvedScenario): number | null =>
  isArrival(scenario) ? scheduleOf(scenario).slots : iterationsOf(scenario);

/** Users at work: by the plan where it says so, of an arrival rate the iterations that are under way. */
const vusNow = (scenario: ResolvedScenario, totals: SeriesSet, sinceMs: number, ratio: number): number => {
  switch (scenario.executor) {
    case 'constant-vus':
    case 'ramping-vus':
      return vusAt(scenario, sinceMs);
    case 'per-vu-iterations':
    case 'shared-iterations':
      return sinceMs < 0 || ratio >= 1 ? 0 : scenario.vus;
    default: {
      const of = (metric: string) => counterOf(totals, metric, scenario.name);
      const underWay = of('iterations_started') - of('iterations') - of('iterations_interrupted');
      return Math.min(scenario.maxVUs, Math.max(0, underWay));
    }
  }
};
