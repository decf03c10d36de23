import type { Reader } from '../reader.js';
import type { ConstantArrivalRate, ScenarioBase } from '../scenario.js';
import { readTimeUnit, readUsers, tooOften } from './arrivals.js';

/** Iterations start at a fixed rate, whether earlier ones have ended or not. */
export const constantArrivalRate = {
  kind: 'constant-arrival-rate',
  read: (from: Reader, base: ScenarioBase): ConstantArrivalRate => {
    from.need('rate');
    from.need('duration');
    const rate = from.rate('rate', 1);
    const durationMs = from.lastingMs('duration', 1_000);
    const timeUnitMs = readTimeUnit(from);
    const wrong = rate <= 0 ? 'must be above 0' : tooOften(rate, timeUnitMs);
    if (wrong !== null) from.fault('rate', wrong);
    return { ...base, executor: 'constant-arrival-rate', rate, timeUnitMs, durationMs, ...readUsers(from) };
  },
} as const;
