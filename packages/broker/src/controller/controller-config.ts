import { BOUNDS, TIMES } from '@muster/protocol';
import { consoleObserver } from '../observers/console-observer.js';
import type { ObserverChoice } from '../observers/observer.js';
import { ObserverBook, type ObserverRefusal } from '../observers/observer-book.js';

/** What the controller is told of the process around it, and its numbers; each number has a default. */
export interface ControllerConfig {
  /** Changes with each start of the broker. */
  readonly boot: string;
  readonly version: string;
  /** Where agents push results. */
  readonly receiver: string;
  /** Why a run can't have the observers that `submit` names; null when it can. @default only `console` is there */
  readonly refuseObservers?: (choice: ObserverChoice) => ObserverRefusal | null;
  /** How often agents beat. @default 500 */
  readonly beatMs?: number;
  /** How long a grant of the right to load holds. @default 1_500 */
  readonly leaseMs?: number;
  /** An agent that is silent for so long is lost. @default 2_000 */
  readonly lostMs?: number;
  /** From the reservation until every agent has loaded the bundle. @default 60_000 */
  readonly prepareMs?: number;
  /** From plan 0 until every agent is ready; the time of `setup` comes on top. @default 30_000 */
  readonly readyMs?: number;
  /** From all ready to the run's instant 0: every agent has plan 1 by then. @default 500 */
  readonly startAfterMs?: number;
  /** From a loss to the next plan's instant, at least: the others must hold it by then. @default 500 */
  readonly replanAfterMs?: number;
  /** What an agent has not confirmed is said again after so long. @default 1_000 */
  readonly tellAgainMs?: number;
  /** An agent that was told to end, and lives, gets so long: its stop ladder, and time to hear of it. @default 30_000 */
  readonly endingMs?: number;
  /** Beyond the planned end, the graceful stop and `teardown`: whoever is not finished then never will be. @default 60_000 */
  readonly overdueMs?: number;
  /** The results path and the store get so long for a run's figures and its summary. @default 60_000 */
  readonly figuresMs?: number;
  /** Runs that are not finished. @default 64 */
  readonly maxRuns?: number;
  /** @default 2_000 */
  readonly maxAgents?: number;
}

export type ResolvedConfig = Required<ControllerConfig>;

/** The same with every default filled in. */
export const resolveConfig = (config: ControllerConfig): ResolvedConfig => ({
  refuseObservers: (choice) => new ObserverBook([consoleObserver]).refusal(choice),
  beatMs: TIMES.beatMs,
  leaseMs: TIMES.leaseMs,
  lostMs: TIMES.lostMs,
  prepareMs: TIMES.prepareMs,
  readyMs: TIMES.readyMs,
  startAfterMs: 500,
  replanAfterMs: 500,
  tellAgainMs: 1_000,
  endingMs: 30_000,
  overdueMs: 60_000,
  figuresMs: 60_000,
  maxRuns: BOUNDS.runs,
  maxAgents: BOUNDS.agents,
  ...config,
});
