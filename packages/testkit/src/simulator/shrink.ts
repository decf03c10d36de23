import type { Schedule } from './schedule.js';
import type { Violation } from './truth.js';

/** A look at a schedule: what it breaks, or null. */
type Look = (schedule: Schedule) => Violation | null;

const without = <T>(list: readonly T[], index: number): readonly T[] => list.filter((_, at) => at !== index);

/** Schedules with one thing less: a trouble, a run, an agent; only the last agent, so that the others keep their numbers. */
function* simpler(schedule: Schedule): Generator<Schedule> {
  const { troubles, wishes, agents } = schedule;
  for (let n = troubles.length - 1; n >= 0; n -= 1) yield { ...schedule, troubles: without(troubles, n) };
  for (let n = wishes.length - 1; n > 0; n -= 1) yield { ...schedule, wishes: without(wishes, n) };
  if (agents.length > 1) yield { ...schedule, agents: agents.slice(0, -1) };
}

/**
 * The simplest schedule that can be reached by leaving things out one by one and still breaks the same invariant. What is
 * drawn while a world goes on changes with what is left out, so it may be another way to break it.
 */
export const shrink = (schedule: Schedule, broken: Violation, look: Look): Schedule => {
  for (const candidate of simpler(schedule)) {
    const violation = look(candidate);
    if (violation?.invariant === broken.invariant) return shrink(candidate, violation, look);
  }
  return schedule;
};
