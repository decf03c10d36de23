import type { RunId } from '@muster/protocol';
import type { KnownAgent, Registry } from './registry.js';

/** The agents of a run, or why there are none. */
export type Reservation =
  | { readonly ok: true; readonly agents: readonly KnownAgent[] }
  | { readonly ok: false; readonly message: string };

/** Reserves agents for a run: as many as it wants, or all that are free; all of them or none. */
export const reserve = (registry: Registry, run: RunId, wanted: number | undefined): Reservation => {
  const free = registry.free();
  const count = wanted ?? free.length;
  if (count === 0 || free.length < count) {
    const known = registry.all().filter((agent) => !agent.lost).length;
    return {
      ok: false,
      message: `Not enough agents: ${wanted ?? 'at least 1'} asked for, ${free.length} free of ${known}`,
    };
  }
  const agents = free.slice(0, count);
  for (const agent of agents) agent.holds.add(run);
  return { ok: true, agents };
};
