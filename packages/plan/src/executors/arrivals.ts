import { MAX_STARTS_PER_SECOND } from '../bounds.js';
import type { Reader } from '../reader.js';

/** The users of an arrival rate; `maxVUs` is `preAllocatedVUs` unless the test says more. */
export const readUsers = (from: Reader): { readonly preAllocatedVUs: number; readonly maxVUs: number } => {
  from.need('preAllocatedVUs');
  const preAllocatedVUs = from.users('preAllocatedVUs', 1);
  const maxVUs = from.users('maxVUs', Math.max(1, preAllocatedVUs), 1);
  if (maxVUs < preAllocatedVUs) from.fault('maxVUs', `must be at least preAllocatedVUs (${preAllocatedVUs})`);
  return { preAllocatedVUs, maxVUs };
};

export const readTimeUnit = (from: Reader): number => Math.max(0.001, from.lastingMs('timeUnit', 1_000));

/** What is wrong with a rate that no clock can keep; null when nothing is. */
export const tooOften = (rate: number, timeUnitMs: number): string | null =>
  (rate / timeUnitMs) * 1_000 > MAX_STARTS_PER_SECOND
    ? `is more than ${MAX_STARTS_PER_SECOND} starts a second, the most that a schedule holds`
    : null;
