import type { BrokerMessage, RunId } from '@muster/protocol';

type Prepare = Extract<BrokerMessage, { type: 'prepare' }>;
type Plan = Extract<BrokerMessage, { type: 'plan' }>;

/**
 * Where a run stands on this agent.
 *
 * | phase | left by |
 * |---|---|
 * | fetching | bundle there → loading; fault → ending |
 * | loading | all workers loaded → prepared; fault → ending |
 * | prepared | plan 0, then the value of setup → readying |
 * | readying | all workers ready → ready |
 * | ready | plan 1 → running |
 * | running | all workers done → closing (through `teardown`, if exported) |
 * | closing | stream closed → finished |
 * | finished | forget → releasing |
 * | ending (abort, fault) | all workers gone → stream closed → finished, or releasing if already forgotten |
 * | releasing | all workers gone → no run |
 */
export type Phase =
  | 'fetching'
  | 'loading'
  | 'prepared'
  | 'readying'
  | 'ready'
  | 'running'
  | 'closing'
  | 'finished'
  | 'ending'
  | 'releasing';

/** The run that an agent works for, and all that the supervisor knows of it. */
export interface RunAtWork {
  readonly run: RunId;
  readonly prepare: Prepare;
  phase: Phase;
  plans: Plan[];
  functions: readonly string[];
  /** Resolved options, as far as the supervisor needs them. */
  timeouts: { readonly setupMs: number; readonly teardownMs: number; readonly summaryMs: number };
  setupData: unknown;
  readonly workers: WorkerState[];
  startedSaid: boolean;
  outcome: 'done' | 'stopped' | 'aborted' | 'failed';
  forgotten: boolean;
  stopping: boolean;
  ladder: 'asked' | 'terminated' | 'killed' | null;
  gaps: { worker: number; fromMs: number; toMs: number; why: string }[];
  /** Confirmed by each worker, by claim's name: the broker hears the sum. */
  readonly confirmed: Map<string, Map<number, number>>;
  /** Workers that wait at a barrier, by name. */
  readonly barriers: Map<string, { worker: number; id: number }[]>;
  orphanSinceMs: number | null;
}

export interface WorkerState {
  alive: boolean;
  loaded: boolean;
  ready: boolean;
  done: boolean;
  sealedToMs: number;
  vus: number;
  lagMs: number;
}

export const newRun = (prepare: Prepare, workers: number): RunAtWork => ({
  run: prepare.run,
  prepare,
  phase: 'fetching',
  plans: [],
  functions: [],
  timeouts: { setupMs: 60_000, teardownMs: 60_000, summaryMs: 120_000 },
  setupData: undefined,
  workers: Array.from({ length: workers }, () => ({
    alive: false,
    loaded: false,
    ready: false,
    done: false,
    sealedToMs: 0,
    vus: 0,
    lagMs: 0,
  })),
  startedSaid: false,
  outcome: 'done',
  forgotten: false,
  stopping: false,
  ladder: null,
  gaps: [],
  confirmed: new Map(),
  barriers: new Map(),
  orphanSinceMs: null,
});
