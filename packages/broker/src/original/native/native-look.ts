import { maxVusOf, type ResolvedScenario } from '@muster/plan';
import { type ErrorGroup, isOriginalKind, type LoadsStatus, type ResultRow } from '@muster/protocol';
import type { RunRecord } from '../../controller/run-record.js';

/** What a row of the original says of a request, from one row of our samples. Instants in microseconds of the run. */
export interface NativeSample {
  readonly name: string;
  readonly method: string;
  readonly status: number;
  readonly started_us: number;
  readonly duration_us: number;
  readonly scenario: string;
  /** From 1; 0 outside of iterations. */
  readonly vu: number;
  /** Of this user, from 0. */
  readonly iteration: number;
}

/** The columns that a {@link NativeSample} is made of. */
export const SAMPLE_NAMES = [
  'name',
  'method',
  'status',
  'started_us',
  'duration_us',
  'scenario',
  'vu',
  'iteration',
] as const satisfies readonly (keyof NativeSample)[];

/** A row without its kind, agent and run, as a batch holds it. */
export type NativeRow = Readonly<Record<string, unknown>>;

/** How a run of ours looks in rows of the original: a scenario is a test, an iteration one run of it. */
export class NativeLook {
  readonly #name: string;
  readonly #startedAtMs: number;
  readonly #scenarios: ReadonlyMap<string, ResolvedScenario>;

  constructor({ name, options, startedAt, submittedAt }: RunRecord) {
    this.#name = name;
    this.#startedAtMs = Date.parse(startedAt ?? submittedAt);
    this.#scenarios = new Map((options?.scenarios ?? []).map((scenario) => [scenario.name, scenario]));
  }

  /** The label of a scenario, as `method (module.Class)` of a Python test. */
  test(scenario: string): string {
    return `${scenario === '' ? '?' : scenario} (${this.#name})`;
  }

  /** Hits and users of a scenario, then a hit from 1 and a user from 0. Without a number of iterations there are 0 hits. */
  status(scenario: string, hit: number, user: number): LoadsStatus {
    const { hits, users } = this.#stage(scenario);
    return [hits, users, hit, user];
  }

  /** The status of the nth iteration (from 0) of a scenario on an agent: no two are the same, so none is taken for another. */
  nth(scenario: string, n: number): LoadsStatus {
    const { hits, users } = this.#stage(scenario);
    return [hits, users, Math.floor(n / users) + 1, n % users];
  }

  hit(sample: NativeSample): NativeRow {
    const { scenario, vu, iteration } = sample;
    return {
      url: sample.name,
      method: sample.method,
      status: sample.status,
      started: this.#instant(sample.started_us),
      elapsed: sample.duration_us / 1e6,
      loads_status: vu === 0 ? this.status(scenario, 0, 0) : this.status(scenario, iteration + 1, vu - 1),
    };
  }

  #stage(scenario: string): { readonly hits: number; readonly users: number } {
    const found = this.#scenarios.get(scenario);
    if (found === undefined) return { hits: 0, users: 1 };
    const users = Math.max(1, maxVusOf(found));
    return { hits: hitsOf(found), users };
  }

  /** UTC without a zone, to the microsecond, as Python writes it. */
  #instant(us: number): string {
    const ms = Math.floor(us / 1_000);
    const rest = String(Math.floor(us - ms * 1_000)).padStart(3, '0');
    return `${new Date(this.#startedAtMs + ms).toISOString().slice(0, -1)}${rest}`;
  }
}

/** Iterations of one user, where the scenario says how many there are. */
export const hitsOf = (scenario: ResolvedScenario): number => {
  if (scenario.executor === 'per-vu-iterations') return scenario.iterations;
  return scenario.executor === 'shared-iterations' ? Math.ceil(scenario.iterations / scenario.vus) : 0;
};

/** Type, message, traceback: of a failure of ours there is the author's line. */
export const excInfo = ({
  code,
  message,
  where,
}: Pick<ErrorGroup, 'code' | 'message' | 'where'>): readonly string[] => [
  code,
  message,
  where === null ? '' : `  at ${where}`,
];

const TAKEN: ReadonlySet<string> = new Set(['batch', 'run-finished']);

/** A counter of the author's is a kind of row by its name; one that is a kind already gets an underscore. */
export const counterKind = (metric: string): ResultRow['data_type'] =>
  isOriginalKind(metric) || TAKEN.has(metric) ? `${metric}_` : metric;
