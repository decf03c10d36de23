import type { InitOrder, PlanOrder } from '@muster/engine';
import type { Plan } from '@muster/protocol';
import type { FromBroker } from './messages.js';
import type { SupervisorConfig } from './supervisor-config.js';

/** What each worker of a run begins with. */
export const initOrders = (
  { run, name, env, seed, raw }: FromBroker<'prepare'>,
  bundlePath: string,
  { identity, agent, rowsPerSecond }: SupervisorConfig,
): readonly InitOrder[] =>
  Array.from(
    { length: identity.workers },
    (_, worker): InitOrder => ({
      type: 'init',
      run,
      name,
      bundlePath,
      env,
      seed,
      raw,
      rowsPerSecond: Math.ceil(rowsPerSecond / identity.workers),
      agent: { id: agent, node: identity.node, labels: identity.labels },
      worker,
      workers: identity.workers,
    }),
  );

/** A plan as workers get it. @param startAt the run's instant 0 on the agent's clock; null before it is known */
export const planOrder = (plan: Plan, startAt: number | null): PlanOrder => ({
  type: 'plan',
  generation: plan.generation,
  fromMs: plan.fromMs,
  startAt,
  members: plan.members,
  ...(plan.options === undefined ? {} : { options: plan.options }),
});
