import type { Cores } from './cores.js';
import { shrink } from './shrink.js';
import { simulate } from './simulate.js';
import type { Violation } from './truth.js';

const LAST_LINES = 60;

/** What a person needs who has to find the mistake: the world, the shortest way to it, and how to see it again. */
export const reportOf = (seed: number, violation: Violation, cores?: Cores): string => {
  const look = cores === undefined ? {} : { cores };
  const { schedule } = simulate(seed, look);
  const small = shrink(schedule, violation, (candidate) => simulate(candidate, look).violation);
  const { trace } = simulate(small, { ...look, trace: true });
  return [
    `seed ${seed} breaks "${violation.invariant}" after ${Math.round(violation.atMs)} ms: ${violation.text}`,
    `again: MUSTER_TEST_SEED=${seed} MUSTER_TEST_SCHEDULES=1 npx vitest run --config vitest.workspace.ts --project testkit packages/testkit/src/simulator`,
    `the simplest schedule that breaks it: ${JSON.stringify(small)}`,
    ...trace.slice(-LAST_LINES),
  ].join('\n');
};
