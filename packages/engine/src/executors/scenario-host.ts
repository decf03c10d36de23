import type { AuthorFunction, IterationRunner } from '../load/iteration-runner.js';
import type { LoadGate } from '../load/load-gate.js';
import type { RunClock } from '../load/run-clock.js';
import type { ScenarioContext } from '../load/scenario-context.js';
import type { ShareLine } from '../load/share-line.js';
import type { VirtualUser } from '../load/virtual-user.js';
import type { Pacer } from '../pace/pacer.js';

/** What is given of iterations that the whole cluster shares. */
export interface GivenBlock {
  readonly from: number;
  readonly count: number;
  /** Nothing can come any more, for anybody. */
  readonly exhausted: boolean;
}

/** Why a start was not made. */
export type DropReason =
  /** Every user that the scenario may have was busy. */
  | 'no_vu'
  /** It would have been later than `maxLateness`. */
  | 'late'
  /** There was no right to load. */
  | 'lease'
  /** The run was stopped. */
  | 'stopped'
  /** The scenario's time was over. */
  | 'duration';

/** What an executor gets from the engine. */
export interface ScenarioHost {
  readonly context: ScenarioContext;
  readonly runner: IterationRunner;
  readonly gate: LoadGate;
  readonly clock: RunClock;
  readonly pacer: Pacer;
  /** This worker's shares by plan; grows when a plan comes. */
  readonly shares: ShareLine;
  readonly fn: AuthorFunction;
  readonly maxLatenessMs: number;
  /** A user with an index in the stripes of a plan. */
  makeUser(generation: number, index: number): VirtualUser;
  noteVus(change: number): void;
  drop(reason: DropReason, count: number): void;
  claim(count: number, confirmed: number): Promise<GivenBlock>;
}

/** A scenario at work on this worker. */
export interface ScenarioRun {
  /** Runs to its end; resolves when no iteration of it goes on any more. */
  run(): Promise<void>;
  /** A plan has come, which may hold from a later instant on. */
  replan(): void;
  /** Starts nothing new; what runs may end within the graceful stop. */
  stop(): void;
  /** 0 to 1. */
  progress(): number;
}
