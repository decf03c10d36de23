import type { Grant, Plan } from '@muster/protocol';
import type { ClockEstimate } from './clock-estimator.js';
import { NEVER, type Turn } from './turn.js';

interface Held {
  readonly generation: number;
  /** From when it holds, on the agent's clock. */
  readonly from: number;
}

/** The local lease while the broker's process is dead. */
interface Orphan {
  readonly endMs: number;
  readonly leaseMs: number;
  readonly extendMs: number;
}

/** How often the lease is drawn out while there is no broker. */
const EXTEND_EVERY_MS = 500;

/**
 * Which plans are held and until when load may be started by them. A grant counts only for a plan that is held, ends
 * where the next plan begins, and is shortened by the bound of the clock's error. Never drawn out here, but for one
 * case: the broker's port refuses connections while the right is still valid, so nobody can have given the load away.
 */
export class RightToLoad {
  #held: readonly Held[] = [];
  #until = Number.NEGATIVE_INFINITY;
  #generation = -1;
  #orphan: Orphan | null = null;

  /** Highest generation with a start that is held; -1 before the first. */
  get generation(): number {
    return this.#held.at(-1)?.generation ?? -1;
  }
  get until(): number {
    return this.#until;
  }
  get isOrphan(): boolean {
    return this.#orphan !== null;
  }
  get orphanEndMs(): number {
    return this.#orphan?.endMs ?? NEVER;
  }

  /** @param startAt the run's instant 0 on the agent's clock */
  hold(plan: Plan, startAt: number): void {
    this.#held = [...this.#held.slice(-7), { generation: plan.generation, from: startAt + plan.fromMs }];
  }

  /** A grant of the broker, on its clock. */
  grant(turn: Turn, grant: Grant, clock: ClockEstimate): void {
    const at = this.#held.findIndex((held) => held.generation === grant.generation);
    if (at < 0) return;
    const next = this.#held[at + 1]?.from ?? NEVER;
    this.#give(turn, grant.generation, Math.min(grant.untilMs - clock.offsetMs - clock.boundMs, next));
  }

  /**
   * The broker's process is dead.
   *
   * @param livedMs when it surely lived: the lease counts from there, so it is over no later than a broker thinks that
   * counts from its own restart
   * @returns whether load goes on; false too when the right was over already: then others may have the load.
   */
  orphan(turn: Turn, livedMs: number, leaseMs: number, grantMs: number): boolean {
    if (this.#orphan !== null) return true;
    const endMs = livedMs + leaseMs;
    if (turn.nowMs >= this.#until || turn.nowMs >= endMs) return false;
    this.#orphan = { endMs, leaseMs: grantMs, extendMs: turn.nowMs };
    this.due(turn);
    return true;
  }

  /** A broker is there again: from now on only it grants. */
  adopted(): void {
    this.#orphan = null;
  }

  get nextMs(): number {
    return this.#orphan?.extendMs ?? NEVER;
  }
  due(turn: Turn): void {
    const orphan = this.#orphan;
    if (orphan === null || turn.nowMs < orphan.extendMs) return;
    this.#orphan = { ...orphan, extendMs: turn.nowMs + EXTEND_EVERY_MS };
    // A plan for which nothing was granted yet may not be everybody's: others may go on by the one before.
    const next = this.#held.find((held) => held.generation > this.#generation)?.from ?? NEVER;
    this.#give(turn, this.#generation, Math.min(turn.nowMs + orphan.leaseMs, orphan.endMs, next));
  }

  #give(turn: Turn, generation: number, until: number): void {
    if (until <= turn.nowMs || (generation === this.#generation && until <= this.#until)) return;
    if (generation < this.#generation) return;
    this.#generation = generation;
    this.#until = until;
    turn.do({ type: 'workers.grant', generation, until });
  }
}
