import type { PlanShape, Stripe } from '@muster/plan';
import type { IterationRunner } from '../iteration-runner.js';
import type { RightToLoad } from '../right-to-load.js';
import type { ScenarioContext, VirtualUser } from '../virtual-user.js';

/** A plan and this worker's stripe of a scenario in it; null: no part of it. */
export interface Share {
  readonly plan: PlanShape;
  readonly stripe: Stripe | null;
}

/** What an executor gets from the engine. */
export interface ScenarioHost {
  readonly context: ScenarioContext;
  readonly runner: IterationRunner;
  readonly right: RightToLoad;
  readonly runMs: () => number;
  /** Machine clock. */
  readonly now: () => number;
  /** The author's function of this scenario. */
  readonly fn: (data: unknown) => unknown;
  /** This worker's shares by plan, in order; grows when a plan comes. */
  readonly shares: () => readonly Share[];
  readonly makeUser: (id: number) => VirtualUser;
  readonly maxLatenessMs: number;
  /** Iterations of a claim that the whole cluster shares. */
  readonly claim: (
    count: number,
    confirmed: number,
  ) => Promise<{ readonly from: number; readonly count: number; readonly exhausted: boolean }>;
  readonly drop: (reason: DropReason, count: number) => void;
  readonly noteVus: (change: number) => void;
}

/** Why a start was not made. */
export type DropReason = 'no_vu' | 'late' | 'lease' | 'stopped' | 'duration';

/** A scenario at work on this worker. */
export interface ScenarioRun {
  /** Runs to its end; resolves when no iteration of it goes on any more. */
  run(): Promise<void>;
  /** A plan has come that holds from an instant on. */
  replan(): void;
  /** Starts nothing new; what runs may end within the graceful stop. */
  stop(): void;
  /** 0 to 1. */
  progress(): number;
}

/** The share in force at an instant of the run's clock. */
export const shareAt = (shares: readonly Share[], runMs: number): Share | undefined => {
  let found: Share | undefined;
  for (const share of shares) if (share.plan.generation > 0 && share.plan.fromMs <= runMs) found = share;
  return found;
};
