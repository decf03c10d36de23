/** One step of a ramp. */
export interface Stage {
  readonly durationMs: number;
  readonly target: number;
}

/** What every scenario has, whatever its executor. */
export interface ScenarioBase {
  readonly name: string;
  /** Name of the exported function that an iteration calls. */
  readonly exec: string;
  readonly startTimeMs: number;
  /** How long running iterations may go on after the scenario's end. */
  readonly gracefulStopMs: number;
  readonly env: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  /** The numbers are for each agent, not split among them (the original's users and hits). */
  readonly perAgent: boolean;
  /** Starts on an agent when this scenario has ended there; null: at `startTimeMs`. */
  readonly after: string | null;
}

export interface ConstantVus extends ScenarioBase {
  readonly executor: 'constant-vus';
  readonly vus: number;
  readonly durationMs: number;
}
export interface RampingVus extends ScenarioBase {
  readonly executor: 'ramping-vus';
  readonly startVUs: number;
  readonly stages: readonly Stage[];
  readonly gracefulRampDownMs: number;
}
export interface PerVuIterations extends ScenarioBase {
  readonly executor: 'per-vu-iterations';
  readonly vus: number;
  /** Of each user. */
  readonly iterations: number;
  readonly maxDurationMs: number;
}
export interface SharedIterations extends ScenarioBase {
  readonly executor: 'shared-iterations';
  readonly vus: number;
  /** Of all users of the cluster together. */
  readonly iterations: number;
  readonly maxDurationMs: number;
}
export interface ConstantArrivalRate extends ScenarioBase {
  readonly executor: 'constant-arrival-rate';
  /** Starts per `timeUnitMs`, in the whole cluster. */
  readonly rate: number;
  readonly timeUnitMs: number;
  readonly durationMs: number;
  readonly preAllocatedVUs: number;
  readonly maxVUs: number;
}
export interface RampingArrivalRate extends ScenarioBase {
  readonly executor: 'ramping-arrival-rate';
  readonly startRate: number;
  readonly timeUnitMs: number;
  readonly stages: readonly Stage[];
  readonly preAllocatedVUs: number;
  readonly maxVUs: number;
}

export type ResolvedScenario =
  | ConstantVus
  | RampingVus
  | PerVuIterations
  | SharedIterations
  | ConstantArrivalRate
  | RampingArrivalRate;
export type ExecutorKind = ResolvedScenario['executor'];
/** Executors whose starts have a schedule. */
export type ArrivalScenario = ConstantArrivalRate | RampingArrivalRate;

export const isArrival = (scenario: ResolvedScenario): scenario is ArrivalScenario =>
  scenario.executor === 'constant-arrival-rate' || scenario.executor === 'ramping-arrival-rate';

/** Most users that a scenario has at one time, in the whole cluster. */
export const maxVusOf = (scenario: ResolvedScenario): number => {
  switch (scenario.executor) {
    case 'ramping-vus':
      return scenario.stages.reduce((most, stage) => Math.max(most, stage.target), scenario.startVUs);
    case 'constant-arrival-rate':
    case 'ramping-arrival-rate':
      return scenario.maxVUs;
    default:
      return scenario.vus;
  }
};

/** How long a scenario starts work, from its start; the graceful stop comes on top. */
export const activeMsOf = (scenario: ResolvedScenario): number => {
  switch (scenario.executor) {
    case 'ramping-vus':
    case 'ramping-arrival-rate':
      return scenario.stages.reduce((sum, stage) => sum + stage.durationMs, 0);
    case 'per-vu-iterations':
    case 'shared-iterations':
      return scenario.maxDurationMs;
    default:
      return scenario.durationMs;
  }
};

/** True when a scenario ends by its iterations, usually before its longest duration. */
export const endsByIterations = (scenario: ResolvedScenario): boolean =>
  scenario.executor === 'per-vu-iterations' || scenario.executor === 'shared-iterations';

/** Iterations that a scenario has in all, if its options say so; of a `perAgent` one, on each agent. */
export const iterationsOf = (scenario: ResolvedScenario): number | null =>
  scenario.executor === 'per-vu-iterations'
    ? scenario.vus * scenario.iterations
    : scenario.executor === 'shared-iterations'
      ? scenario.iterations
      : null;
