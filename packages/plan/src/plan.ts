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
 * How many slots of a scenario are an agent's (of one worker, if `worker` is given) between two instants, over all plans
 * of the run: every slot belongs to exactly one member of the plan in force at its intended start.
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
    const end = Math.min(toMs, plans[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY);
    const stripe = shareOf(plan, agent, worker?.index ?? 0, worker?.of ?? 1, scenario.perAgent);
    if (stripe === null || end <= start) continue;
    total += countSlots(schedule, stripe, start * 1_000, end * 1_000);
  }
  return total;
};

/** The scenarios of a test that have a schedule. */
export const arrivalsOf = (options: ResolvedOptions): readonly ArrivalScenario[] => options.scenarios.filter(isArrival);
