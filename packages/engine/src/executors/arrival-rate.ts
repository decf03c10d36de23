import {
  type ArrivalScenario,
  activeMsOf,
  countIn,
  countSlots,
  type Schedule,
  SlotCursor,
  scheduleOf,
} from '@muster/plan';
import type { VirtualUser } from '../virtual-user.js';
import type { ScenarioHost, ScenarioRun, Share } from './scenario-host.js';
import { Pause, QUIET_LOOK_MS } from './waits.js';

/** A timer of Node comes up to a millisecond late: it is set a little early, and slots are caught up with. */
const EARLY_MS = 0.5;

/**
 * `constant-arrival-rate` and `ramping-arrival-rate`: iterations begin when they are due, whether earlier ones have
 * ended or not. The pace is the schedule's own, never "a while after the last one", so lateness does not add up. What
 * can't begin is counted with its reason: planned = started + dropped (+ unknown, when an agent dies).
 */
export class ArrivalRate implements ScenarioRun {
  readonly #scenario: ArrivalScenario;
  readonly #host: ScenarioHost;
  readonly #schedule: Schedule;
  readonly #pause = new Pause();
  readonly #idle: VirtualUser[] = [];
  readonly #busy = new Set<VirtualUser>();
  #users = 0;
  #stopped = false;
  #quietSinceMs: number | null = null;
  #cursors: { readonly share: Share; readonly cursor: SlotCursor; endUs: number }[] = [];
  #seen = 0;
  #idleAll = new Pause();

  constructor(scenario: ArrivalScenario, host: ScenarioHost) {
    this.#scenario = scenario;
    this.#host = host;
    this.#schedule = scheduleOf(scenario);
  }

  async run(): Promise<void> {
    this.replan();
    const first = this.#cursors[0]?.share.stripe ?? null;
    const ahead = first === null ? 0 : Math.max(1, countIn(first, this.#scenario.preAllocatedVUs));
    for (let n = 0; n < ahead; n += 1) this.#idle.push(this.#makeUser());
    for (;;) {
      const [current] = this.#cursors;
      if (this.#stopped || current === undefined) break;
      const dueMs = current.cursor.dueUs / 1_000;
      if (dueMs === Number.POSITIVE_INFINITY) {
        if (this.#nextShareOrEnd()) continue;
        break;
      }
      const waitMs = dueMs - this.#host.runMs();
      if (waitMs > 0) {
        await this.#pause.for(Math.max(0, waitMs - EARLY_MS));
        continue;
      }
      if (!this.#host.right.allows(this.#host.now())) {
        this.#quietSinceMs ??= this.#host.runMs();
        if (this.#leftToOthers(current)) continue;
        await this.#pause.for(QUIET_LOOK_MS);
        continue;
      }
      this.#start(current.cursor, dueMs);
    }
    if (this.#stopped) this.#dropRest();
    await this.#finish();
  }

  /** The plan that follows has no place for this agent: what it did not start until then was not started. */
  #leftToOthers(current: { readonly share: Share; readonly cursor: SlotCursor; readonly endUs: number }): boolean {
    if (this.#cursors.length > 1 || current.share.stripe === null || current.endUs / 1_000 > this.#host.runMs())
      return false;
    const left = countSlots(this.#schedule, current.share.stripe, current.cursor.dueUs, current.endUs);
    if (left > 0) this.#host.drop('lease', left);
    this.#cursors.shift();
    return true;
  }

  /** A cursor is through: the next plan's takes over; false when there is none. */
  #nextShareOrEnd(): boolean {
    this.#cursors.shift();
    return this.#cursors.length > 0;
  }

  #start(cursor: SlotCursor, dueMs: number): void {
    const lateMs = this.#host.runMs() - dueMs;
    const slot = cursor.slot;
    cursor.advance();
    if (lateMs > this.#host.maxLatenessMs) {
      const wasQuiet = this.#quietSinceMs !== null && dueMs + this.#host.maxLatenessMs >= this.#quietSinceMs;
      this.#host.drop(wasQuiet ? 'lease' : 'late', 1);
      return;
    }
    this.#quietSinceMs = null;
    const user = this.#idle.pop() ?? this.#another();
    if (user === null) this.#host.drop('no_vu', 1);
    else this.#go(user, dueMs, slot);
  }

  #another(): VirtualUser | null {
    const stripe = this.#cursors[0]?.share.stripe ?? null;
    const most = stripe === null ? 0 : Math.max(1, countIn(stripe, this.#scenario.maxVUs));
    return this.#users < most ? this.#makeUser() : null;
  }

  #makeUser(): VirtualUser {
    const stripe = this.#cursors[0]?.share.stripe ?? { offset: 0, period: 1 };
    const user = this.#host.makeUser(stripe.offset + this.#users * stripe.period + 1);
    this.#users += 1;
    this.#host.noteVus(1);
    return user;
  }

  #go(user: VirtualUser, dueMs: number, slot: number): void {
    this.#busy.add(user);
    void this.#host.runner.run(user, this.#host.fn, dueMs, slot).then(() => {
      this.#busy.delete(user);
      if (!user.cancelled) this.#idle.push(user);
      if (this.#busy.size === 0) this.#idleAll.wake();
    });
  }

  /** The run was stopped: what was still to come is not made, and counted. */
  #dropRest(): void {
    for (const { share, cursor, endUs } of this.#cursors) {
      if (share.stripe === null || cursor.dueUs === Number.POSITIVE_INFINITY) continue;
      const left = countSlots(this.#schedule, share.stripe, cursor.dueUs, endUs);
      if (left > 0) this.#host.drop('stopped', left);
    }
  }

  async #finish(): Promise<void> {
    const endMs = this.#host.runMs() + this.#scenario.gracefulStopMs;
    while (this.#busy.size > 0 && this.#host.runMs() < endMs) await this.#idleAll.for(endMs - this.#host.runMs());
    for (const user of this.#busy) {
      user.cancel();
      this.#host.runner.noteInterrupted(user);
    }
    for (const user of this.#idle) user.close();
    this.#host.noteVus(-this.#users);
  }

  replan(): void {
    const shares = this.#host.shares().filter((share) => share.plan.generation > 0);
    for (; this.#seen < shares.length; this.#seen += 1) {
      const share = shares[this.#seen] as Share;
      const fromUs = share.plan.fromMs * 1_000;
      for (const each of this.#cursors) {
        each.cursor.endAt(fromUs);
        each.endUs = Math.min(each.endUs, fromUs);
      }
      if (share.stripe !== null)
        this.#cursors.push({
          share,
          cursor: new SlotCursor(this.#schedule, share.stripe, fromUs),
          endUs: Number.MAX_SAFE_INTEGER,
        });
    }
    this.#pause.wake();
  }

  stop(): void {
    this.#stopped = true;
    this.#pause.wake();
  }
  progress(): number {
    return Math.min(1, Math.max(0, (this.#host.runMs() - this.#scenario.startTimeMs) / activeMsOf(this.#scenario)));
  }
}
