import type { Reader } from '../reader.js';
import type { RampingArrivalRate, ScenarioBase } from '../scenario.js';
import { readTimeUnit, readUsers, tooOften } from './arrivals.js';
import { readStages } from './stages.js';

/** Iterations start at a rate that follows a line through stages. */
export const rampingArrivalRate = {
  kind: 'ramping-arrival-rate',
  read: (from: Reader, base: ScenarioBase): RampingArrivalRate => {
    const startRate = from.rate('startRate', 0);
    const timeUnitMs = readTimeUnit(from);
    const stages = readStages(from, 'rate');
    const wrong = tooOften(startRate, timeUnitMs);
    if (wrong !== null) from.fault('startRate', wrong);
    for (const [index, { target }] of stages.entries()) {
      const tooHigh = tooOften(target, timeUnitMs);
      if (tooHigh !== null) from.fault(`stages.${index}.target`, tooHigh);
    }
    return { ...base, executor: 'ramping-arrival-rate', startRate, timeUnitMs, stages, ...readUsers(from) };
  },
} as const;
