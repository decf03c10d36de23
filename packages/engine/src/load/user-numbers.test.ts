import { countIn, type PlanShape, resolveOptions, shareOf } from '@muster/plan';
import { describe, expect, it } from 'vitest';
import { UserNumbers } from './user-numbers.js';

const scenarios = () => {
  const resolved = resolveOptions({
    scenarios: {
      a: { executor: 'constant-vus', vus: 7, duration: '1s' },
      b: { executor: 'constant-arrival-rate', rate: 1, duration: '1s', preAllocatedVUs: 2, maxVUs: 5 },
    },
  });
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.faults));
  return resolved.options.scenarios;
};

describe('UserNumbers', () => {
  it('gives no two users of the cluster the same number, within a plan and over plans', () => {
    const all = scenarios();
    const plans: PlanShape[] = [
      { generation: 1, fromMs: 0, members: ['x', 'y', 'z'] },
      { generation: 2, fromMs: 500, members: ['x', 'y'] },
    ];
    const seen = new Map<number, string>();
    for (const plan of plans)
      for (const agent of plan.members)
        for (const worker of [0, 1])
          for (const scenario of all) {
            const numbers = new UserNumbers(all, 3, ['x', 'y', 'z'].indexOf(agent));
            const stripe = shareOf(plan, agent, worker, 2, scenario.perAgent);
            if (stripe === null) continue;
            const most = scenario.executor === 'constant-vus' ? scenario.vus : 5;
            for (let n = 0; n < countIn(stripe, most); n += 1) {
              const number = numbers.of(scenario.name, plan.generation, stripe.offset + n * stripe.period);
              const who = `${plan.generation} ${agent} ${worker} ${scenario.name} ${n}`;
              expect(seen.get(number), `${who} and another have number ${number}`).toBeUndefined();
              seen.set(number, who);
            }
          }
    expect(Math.min(...seen.keys())).toBe(1);
    expect(seen.size).toBe(24);
  });
});
