/**
 * What a test asks for and who does which part of it, as pure functions: options, executors' schedules, striping over
 * agents and workers, plans, claims.
 *
 * @packageDocumentation
 */
export {
  type ClaimBook,
  type ClaimGiven,
  type ClaimMode,
  claim,
  giveBack,
  loseHolder,
  openBook,
  outstandingOf,
  type Range,
} from './claims.js';
export { formatDuration, parseDuration } from './duration.js';
export { EXECUTORS } from './executors/index.js';
export type { Fault } from './fault.js';
export { arrivalsOf, countOwned, ownerOf, type PlanShape, planWithout, shareOf, stripeIn, vuIdsOf } from './plan.js';
export { isHttpUrl, type ResolvedDns } from './read-network.js';
export { agentRequirementsOf, type Requirements, requirementsOf, type ScenarioRequirements } from './requirements.js';
export { type Resolution, type ResolveContext, type ResolvedOptions, resolveOptions } from './resolve-options.js';
export {
  type ArrivalScenario,
  activeMsOf,
  type ConstantArrivalRate,
  type ConstantVus,
  type ExecutorKind,
  endsByIterations,
  isArrival,
  iterationsOf,
  maxVusOf,
  type PerVuIterations,
  type RampingArrivalRate,
  type RampingVus,
  type ResolvedScenario,
  type ScenarioBase,
  type SharedIterations,
  type Stage,
} from './scenario.js';
export { countSlots, type Schedule, SlotCursor, scheduleOf } from './schedule.js';
export { agentStripe, countIn, firstIn, type Stripe, WHOLE, workerStripe } from './stripe.js';
export { nextChangeMs, vusAt } from './vu-count.js';
