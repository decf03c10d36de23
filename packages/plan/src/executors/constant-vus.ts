import type { Reader } from '../reader.js';
import type { ConstantVus, ScenarioBase } from '../scenario.js';

/** A fixed number of users, each iterating as fast as it can. */
export const constantVus = {
  kind: 'constant-vus',
  read: (from: Reader, base: ScenarioBase): ConstantVus => {
    from.need('duration');
    const durationMs = from.lastingMs('duration', 1_000);
    return { ...base, executor: 'constant-vus', vus: from.users('vus', 1, 1), durationMs };
  },
} as const;
