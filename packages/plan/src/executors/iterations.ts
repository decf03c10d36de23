import type { Reader } from '../reader.js';
import type { PerVuIterations, ScenarioBase, SharedIterations } from '../scenario.js';

const TEN_MINUTES_MS = 600_000;

const readMaxDuration = (from: Reader): number => {
  const maxDurationMs = from.durationMs('maxDuration', TEN_MINUTES_MS);
  if (maxDurationMs <= 0) from.fault('maxDuration', 'must be longer than 0');
  return maxDurationMs;
};

/** Every user runs the same number of iterations. */
export const perVuIterations = {
  kind: 'per-vu-iterations',
  read: (from: Reader, base: ScenarioBase): PerVuIterations => ({
    ...base,
    executor: 'per-vu-iterations',
    vus: from.whole('vus', 1, 1),
    iterations: from.whole('iterations', 1, 1),
    maxDurationMs: readMaxDuration(from),
  }),
} as const;

/** A number of iterations that the users of the whole cluster share; who is faster runs more. */
export const sharedIterations = {
  kind: 'shared-iterations',
  read: (from: Reader, base: ScenarioBase): SharedIterations => {
    const vus = from.whole('vus', 1, 1);
    const iterations = from.whole('iterations', 1, 1);
    if (iterations < vus)
      from.fault('iterations', `must be at least as many as vus (${vus}), or some users have nothing to do`);
    return { ...base, executor: 'shared-iterations', vus, iterations, maxDurationMs: readMaxDuration(from) };
  },
} as const;
