import type { Reader } from '../reader.js';
import type { RampingVus, ScenarioBase } from '../scenario.js';
import { readStages } from './stages.js';

/** A number of users that follows a line through stages. */
export const rampingVus = {
  kind: 'ramping-vus',
  read: (from: Reader, base: ScenarioBase): RampingVus => {
    const stages = readStages(from, 'users');
    const startVUs = from.users('startVUs', 1);
    if (startVUs === 0 && stages.every((stage) => stage.target === 0))
      from.fault('stages', 'never have a user: give one a target above 0');
    return {
      ...base,
      executor: 'ramping-vus',
      startVUs,
      stages,
      gracefulRampDownMs: from.durationMs('gracefulRampDown', 30_000),
    };
  },
} as const;
