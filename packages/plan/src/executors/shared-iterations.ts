import type { Reader } from '../reader.js';
import type { ScenarioBase, SharedIterations } from '../scenario.js';
import { readMaxDuration } from './max-duration.js';

/** A number of iterations that the users of the whole cluster share; who is faster runs more. */
export const sharedIterations = {
  kind: 'shared-iterations',
  read: (from: Reader, base: ScenarioBase): SharedIterations => {
    const vus = from.users('vus', 1, 1);
    const iterations = from.whole('iterations', 1, 1);
    if (iterations < vus)
      from.fault('iterations', `must be at least as many as vus (${vus}), or some users have nothing to do`);
    return { ...base, executor: 'shared-iterations', vus, iterations, maxDurationMs: readMaxDuration(from) };
  },
} as const;
