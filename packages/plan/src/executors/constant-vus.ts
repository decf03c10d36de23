import type { Reader } from '../reader.js';
import type { ConstantVus, ScenarioBase } from '../scenario.js';

/** A fixed number of users, each iterating as fast as it can. */
export const constantVus = {
  kind: 'constant-vus',
  read: (from: Reader, base: ScenarioBase): ConstantVus => {
    from.need('duration');
    const durationMs = from.durationMs('duration', 1_000);
    if (durationMs <= 0) from.fault('duration', 'must be longer than 0');
    return { ...base, executor: 'constant-vus', vus: from.whole('vus', 1, 1), durationMs };
  },
} as const;
