import type { Reader } from '../reader.js';
import type { PerVuIterations, ScenarioBase } from '../scenario.js';
import { readMaxDuration } from './max-duration.js';

/** Every user runs the same number of iterations. */
export const perVuIterations = {
  kind: 'per-vu-iterations',
  read: (from: Reader, base: ScenarioBase): PerVuIterations => {
    const vus = from.users('vus', 1, 1);
    const iterations = from.whole('iterations', 1, 1);
    if (!Number.isSafeInteger(vus * iterations)) from.fault('iterations', 'are more in all than can be counted');
    return { ...base, executor: 'per-vu-iterations', vus, iterations, maxDurationMs: readMaxDuration(from) };
  },
} as const;
