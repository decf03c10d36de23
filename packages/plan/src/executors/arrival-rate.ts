import type { Reader } from '../reader.js';
import type { ConstantArrivalRate, RampingArrivalRate, ScenarioBase } from '../scenario.js';
import { readStages } from './stages.js';

const readUsers = (from: Reader): { readonly preAllocatedVUs: number; readonly maxVUs: number } => {
  from.need('preAllocatedVUs');
  const preAllocatedVUs = from.whole('preAllocatedVUs', 1);
  const maxVUs = from.whole('maxVUs', Math.max(1, preAllocatedVUs), 1);
  if (maxVUs < preAllocatedVUs) from.fault('maxVUs', `must be at least preAllocatedVUs (${preAllocatedVUs})`);
  return { preAllocatedVUs, maxVUs };
};

const readTimeUnit = (from: Reader): number => {
  const timeUnitMs = from.durationMs('timeUnit', 1_000);
  if (timeUnitMs <= 0) from.fault('timeUnit', 'must be longer than 0');
  return Math.max(timeUnitMs, 0.001);
};

/** Iterations start at a fixed rate, whether earlier ones have ended or not. */
export const constantArrivalRate = {
  kind: 'constant-arrival-rate',
  read: (from: Reader, base: ScenarioBase): ConstantArrivalRate => {
    from.need('rate');
    from.need('duration');
    const rate = from.rate('rate', 1);
    if (rate <= 0) from.fault('rate', 'must be above 0');
    const durationMs = from.durationMs('duration', 1_000);
    if (durationMs <= 0) from.fault('duration', 'must be longer than 0');
    return {
      ...base,
      executor: 'constant-arrival-rate',
      rate,
      timeUnitMs: readTimeUnit(from),
      durationMs,
      ...readUsers(from),
    };
  },
} as const;

/** Iterations start at a rate that follows a line through stages. */
export const rampingArrivalRate = {
  kind: 'ramping-arrival-rate',
  read: (from: Reader, base: ScenarioBase): RampingArrivalRate => ({
    ...base,
    executor: 'ramping-arrival-rate',
    startRate: from.rate('startRate', 0),
    timeUnitMs: readTimeUnit(from),
    stages: readStages(from, false),
    ...readUsers(from),
  }),
} as const;
