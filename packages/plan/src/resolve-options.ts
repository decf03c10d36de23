import { DEFAULT_TREND_STATS, isTrendStat, type ThresholdSpec } from '@muster/metrics';
import { MAX_DURATION_MS } from './bounds.js';
import { EXECUTORS } from './executors/index.js';
import { type Fault, Faults, show, suggestion } from './fault.js';
import { mergeOverrides } from './merge-overrides.js';
import { type ResolvedDns, readBaseUrl, readDns } from './read-network.js';
import { type DeclaredMetric, readThresholds } from './read-thresholds.js';
import { isRecord, Reader } from './reader.js';
import { activeMsOf, type ExecutorKind, type ResolvedScenario, type ScenarioBase } from './scenario.js';
import { scenariosOfShortForm } from './short-form.js';

/** What a test wants, checked, with every default filled in: plain data, the same on every machine. */
export interface ResolvedOptions {
  readonly scenarios: readonly ResolvedScenario[];
  readonly thresholds: readonly ThresholdSpec[];
  readonly tags: Readonly<Record<string, string>>;
  readonly setupTimeoutMs: number;
  readonly teardownTimeoutMs: number;
  readonly handleSummaryTimeoutMs: number;
  readonly summaryTrendStats: readonly string[];
  readonly maxRedirects: number;
  readonly userAgent: string;
  readonly insecureSkipTLSVerify: boolean;
  readonly noConnectionReuse: boolean;
  readonly noVUConnectionReuse: boolean;
  readonly noCookiesReset: boolean;
  readonly discardResponseBodies: boolean;
  readonly throw: boolean;
  readonly minIterationDurationMs: number;
  /** A start that is later than this is not made but counted as dropped. */
  readonly maxLatenessMs: number;
  readonly connections: 'per-vu' | 'shared';
  readonly batch: number;
  readonly batchPerHost: number;
  readonly hosts: Readonly<Record<string, string>>;
  readonly dns: ResolvedDns;
  /** Where relative URLs lead; empty: nowhere. */
  readonly baseUrl: string;
}

export type Resolution =
  | { readonly ok: true; readonly options: ResolvedOptions }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/** What is known of a test beside its options. */
export interface ResolveContext {
  /** Names of the exported functions; without it `exec` is not checked. */
  readonly functions?: readonly string[];
  /** Custom metrics that the test has declared. */
  readonly metrics?: readonly DeclaredMetric[];
}

/** Options of k6 that are taken without effect here, so that a script need not change. */
const WITHOUT_EFFECT = ['summaryTimeUnit', 'systemTags', 'cloud', 'ext', 'noUsageReport', 'tlsVersion', 'tlsAuth'];
const SCENARIO_NAME = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * Resolves the options of a test: what the script exports, then what the command line or the SDK overrides, each with
 * the same names. An override that says how much load there is replaces the script's scenarios, as in k6. All faults
 * are reported at once.
 */
export const resolveOptions = (
  exported: unknown,
  overrides: unknown = {},
  context: ResolveContext = {},
): Resolution => {
  const faults = new Faults();
  if (exported !== undefined && exported !== null && !isRecord(exported)) faults.add('', 'options must be an object');
  if (overrides !== undefined && overrides !== null && !isRecord(overrides))
    faults.add('', 'overrides must be an object');
  const merged = mergeOverrides(isRecord(exported) ? exported : {}, isRecord(overrides) ? overrides : {});
  const from = new Reader(merged, '', faults);
  const options: ResolvedOptions = {
    scenarios: readScenarios(from, context),
    thresholds: readThresholds(from, context.metrics),
    tags: from.texts('tags'),
    setupTimeoutMs: from.durationMs('setupTimeout', 60_000),
    teardownTimeoutMs: from.durationMs('teardownTimeout', 60_000),
    handleSummaryTimeoutMs: from.durationMs('handleSummaryTimeout', 120_000),
    summaryTrendStats: readTrendStats(from),
    maxRedirects: from.whole('maxRedirects', 10),
    userAgent: from.text('userAgent', 'Muster/0.1'),
    insecureSkipTLSVerify: from.flag('insecureSkipTLSVerify', false),
    noConnectionReuse: from.flag('noConnectionReuse', false),
    noVUConnectionReuse: from.flag('noVUConnectionReuse', false),
    noCookiesReset: from.flag('noCookiesReset', false),
    discardResponseBodies: from.flag('discardResponseBodies', false),
    throw: from.flag('throw', false),
    minIterationDurationMs: from.durationMs('minIterationDuration', 0),
    maxLatenessMs: from.durationMs('maxLateness', 1_000),
    connections: from.oneOf('connections', 'per-vu', ['per-vu', 'shared']),
    batch: from.whole('batch', 20, 1),
    batchPerHost: from.whole('batchPerHost', 6, 1),
    hosts: from.texts('hosts'),
    dns: readDns(from),
    baseUrl: readBaseUrl(from),
  };
  from.end(WITHOUT_EFFECT);
  return faults.list.length > 0 ? { ok: false, faults: faults.list } : { ok: true, options };
};

const readScenarios = (from: Reader, context: ResolveContext): readonly ResolvedScenario[] => {
  const given = from.raw('scenarios');
  const short = scenariosOfShortForm(from, given !== undefined);
  if (given === undefined) {
    checkExec('default', '', from, context);
    for (const scenario of short) checkEnd(scenario, scenario.name === 'default' ? '' : scenario.name, from);
    return short;
  }
  if (!isRecord(given) || Object.keys(given).length === 0) {
    from.fault('scenarios', 'must be an object with at least one scenario');
    return short;
  }
  return Object.entries(given).flatMap(([name, fields]) => readScenario(name, fields, from, context));
};

/** Each duration has its bound; this is the one of their sum. */
const checkEnd = (scenario: ResolvedScenario, path: string, from: Reader): void => {
  if (scenario.startTimeMs + activeMsOf(scenario) > MAX_DURATION_MS)
    from.faults.add(path, 'ends more than 365d after the start of the run');
};

const readScenario = (name: string, fields: unknown, from: Reader, context: ResolveContext): ResolvedScenario[] => {
  const path = `scenarios.${name}`;
  if (!SCENARIO_NAME.test(name)) from.faults.add(path, 'a name may have letters, digits, "-" and "_" only');
  if (!isRecord(fields)) {
    from.faults.add(path, 'must be an object with an executor');
    return [];
  }
  const kinds = Object.keys(EXECUTORS);
  const kind = fields.executor;
  if (typeof kind !== 'string' || !kinds.includes(kind)) {
    const near = typeof kind === 'string' ? suggestion(kind, kinds) : '';
    from.faults.add(`${path}.executor`, `must be one of ${kinds.join(', ')}, not ${show(kind)}${near}`);
    return [];
  }
  const reader = new Reader(fields, path, from.faults);
  reader.raw('executor');
  const base: ScenarioBase = {
    name,
    exec: reader.text('exec', 'default'),
    startTimeMs: reader.durationMs('startTime', 0),
    gracefulStopMs: reader.durationMs('gracefulStop', 30_000),
    env: reader.texts('env'),
    tags: reader.texts('tags'),
    perAgent: false,
    after: null,
  };
  checkExec(base.exec, `${path}.exec`, from, context);
  const scenario = EXECUTORS[kind as ExecutorKind].read(reader, base);
  checkEnd(scenario, path, from);
  reader.end();
  return [scenario];
};

const checkExec = (exec: string, path: string, from: Reader, context: ResolveContext): void => {
  if (context.functions === undefined || context.functions.includes(exec)) return;
  const exported = context.functions.length === 0 ? 'nothing' : context.functions.join(', ');
  from.faults.add(path, `the test exports no function "${exec}"; it exports ${exported}`);
};

const readTrendStats = (from: Reader): readonly string[] => {
  const given = from.raw('summaryTrendStats');
  if (given === undefined) return [...DEFAULT_TREND_STATS, 'p(99)'];
  const isStat = (each: unknown): each is string => typeof each === 'string' && isTrendStat(each);
  if (Array.isArray(given) && given.every(isStat)) return [...given];
  from.fault('summaryTrendStats', 'must be a list of avg, min, med, max, count, p(N) with N from 0 to 100');
  return DEFAULT_TREND_STATS;
};
