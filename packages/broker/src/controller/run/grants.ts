import type { Grant } from '@muster/protocol';
import { type Member, type RunRecord, unfinished } from '../run-record.js';
import { isLoading } from './run-life.js';

/**
 * The right to load of one run's members. Given by the plan that a member holds, for the lease, and never beyond the
 * next plan's instant once that is chosen; remembers how far anybody may load, since the next plan begins no earlier.
 *
 * A further plan is granted to nobody before every member that goes on holds it: if the broker died in between, whoever
 * holds it not would go on by the plan before, for the orphan lease, beside those who do.
 */
export class Grants {
  readonly #leaseMs: number;
  #latestUntilMs = 0;

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** The latest instant of the broker's clock up to which anybody may load. */
  get latestUntilMs(): number {
    return this.#latestUntilMs;
  }

  give(run: RunRecord, member: Member, nowMs: number): Grant | null {
    if (!isLoading(run.step) || run.startAtMs === null || member.lost || member.progress === 'finished') return null;
    const generation = Math.min(member.acked, Math.max(1, heldByAll(run)));
    const held = run.plans.find((plan) => plan.generation === generation);
    if (held === undefined || held.generation === 0 || !held.members.includes(member.id)) return null;
    const next = run.plans.find((plan) => plan.generation === held.generation + 1);
    const leaseEndMs = Math.max(nowMs, run.startAtMs) + this.#leaseMs;
    const untilMs = next === undefined ? leaseEndMs : Math.min(leaseEndMs, run.startAtMs + next.fromMs);
    if (untilMs <= nowMs) return null;
    this.#latestUntilMs = Math.max(this.#latestUntilMs, untilMs);
    return { run: run.id, generation: held.generation, untilMs };
  }
}

/** The highest plan that every member holds which goes on: no later one was ever granted. */
export const heldByAll = (run: RunRecord): number => Math.min(...unfinished(run).map((member) => member.acked));
