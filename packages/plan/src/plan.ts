import type { ResolvedOptions } from './resolve-options.js';
import { type ArrivalScenario, isArrival } from './scenario.js';
import { countSlots, scheduleOf } from './schedule.js';
import { agentStripe, type Stripe, WHOLE, workerStripe } from './stripe.js';

/** From an instant of the run's clock on, these agents share the load. A run is a list of plans in order. */
export interface PlanShape {
  readonly generation: number;
  readonly fromMs: number;
  /** Agent ids; the place in the list is the place in the stripes. */
  readonly members: readonly string[];
}

/** An agent's stripe in a plan; null when it has no place there. */
export const stripeIn = (plan: PlanShape, agent: string): Stripe | null => {
  const place = plan.members.indexOf(agent);
  return place < 0 ? null : agentStripe(place, plan.members.length);
};

/** The stripe of one worker of an agent for a scenario. */
export const shareOf = (
  plan: PlanShape,
  agent: string,
  worker: number,
  workers: number,
  perAgent: boolean,
): Stripe | null => {
  const stripe = stripeIn(plan, agent);
  if (stripe === null) return null;
  return workerStripe(perAgent ? WHOLE : stripe, worker, workers);
};

/** The plan after this one: without the agents that were lost, from an instant on. */
export const planWithout = (plan: PlanShape, lost: readonly string[], fromMs: number): PlanShape => ({
  generation: plan.generation + 1,
  fromMs,
  members: plan.members.filter((member) => !lost.includes(member)),
});

/**
 * The ids of the users that a worker makes in a scenario: its nth user (0, 1, 2, …) is `offset + n · period + 1`, which
 * no other worker, agent or scenario of the run has. Taken from the plan that a run starts with and kept over later
 * ones: an id is given by where a user was made, not by whose share it is now. One scenario on one worker has 1, 2, 3, ….
 */
export const vuIdsOf = (
  plan: PlanShape,
  agent: string,
  worker: { readonly index: number; readonly of: number },
  scenario: { readonly index: number; readonly of: number },
): Stripe | null => {
  const stripe = stripeIn(plan, agent);
  return stripe === null
    ? null
    : workerStripe(workerStripe(stripe, worker.index, worker.of), scenario.index, scenario.of);
};

/** Until when a plan holds: until any later one begins. Generation 0 only prepares and never holds. */
const untilMs = (plans: readonly PlanShape[], index: number): number =>
  plans.slice(index + 1).reduce((least, plan) => Math.min(least, plan.fromMs), Number.POSITIVE_INFINITY);

/**
 * The agent whose slot it is: the member, by striping, of the last plan that has begun when the slot is due. Null before
 * the first plan, and in a plan without members.
 */
export const ownerOf = (plans: readonly PlanShape[], slot: number, dueUs: number): string | null => {
  const plan = plans.findLast((each) => each.generation > 0 && each.fromMs * 1_000 <= dueUs);
  return plan?.members[slot % plan.members.length] ?? null;
};

/**
 * How many slots of a scenario are an agent's (of one worker, if `worker` is given) between two instants, over all plans
 * of the run: every slot belongs to exactly one member of the plan in force at its intended start ({@link ownerOf}).
 */
export const countOwned = (
  scenario: ArrivalScenario,
  plans: readonly PlanShape[],
  agent: string,
  worker: { readonly index: number; readonly of: number } | null,
  fromMs: number,
  toMs: number,
): number => {
  const schedule = scheduleOf(scenario);
  let total = 0;
  for (const [index, plan] of plans.entries()) {
    if (plan.generation === 0) continue;
    const start = Math.max(fromMs, plan.fromMs);
    const end = Math.min(toMs, untilMs(plans, index));
    const stripe = shareOf(plan, agent, worker?.index ?? 0, worker?.of ?? 1, scenario.perAgent);
    if (stripe === null || end <= start) continue;
    total += countSlots(schedule, stripe, start * 1_000, end * 1_000);
  }
  return total;
};

/** The scenarios of a test that have a schedule. */
export const arrivalsOf = (options: ResolvedOptions): readonly ArrivalScenario[] => options.scenarios.filter(isArrival);
