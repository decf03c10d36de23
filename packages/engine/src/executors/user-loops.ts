import type { Next } from '../load/iteration-runner.js';
import type { VirtualUser } from '../load/virtual-user.js';
import type { ScenarioHost } from './scenario-host.js';

/** A user at work; once it is ending it begins nothing new. */
interface Loop {
  readonly user: VirtualUser;
  readonly generation: number;
  readonly index: number;
  ending: boolean;
  cutAtMs: number;
}

const MAX_TIMER_MS = 2_147_483_647;

/**
 * The users of a scenario, each in a loop of its own. Whoever owns it says how many there shall be and what a user does
 * next; this class starts loops, lets them end, and cuts off what outlives its grace.
 */
export class UserLoops {
  readonly #host: ScenarioHost;
  readonly #next: (user: VirtualUser, nowMs: number) => Next;
  /** In the order in which they were started. */
  readonly #loops = new Map<VirtualUser, Loop>();
  #active = 0;
  #cutTimer: NodeJS.Timeout | undefined;
  #drained: (() => void)[] = [];

  constructor(host: ScenarioHost, next: (user: VirtualUser, nowMs: number) => Next) {
    this.#host = host;
    this.#next = next;
  }

  get size(): number {
    return this.#loops.size;
  }
  /** Users that are not told to end. */
  get active(): number {
    return this.#active;
  }

  /** Indices of a plan's stripes that users have who are there. */
  indicesOf(generation: number): ReadonlySet<number> {
    const taken = new Set<number>();
    for (const loop of this.#loops.values()) if (loop.generation === generation) taken.add(loop.index);
    return taken;
  }

  start(generation: number, index: number): void {
    const user = this.#host.makeUser(generation, index);
    const loop: Loop = {
      user,
      generation,
      index,
      ending: false,
      cutAtMs: Number.POSITIVE_INFINITY,
    };
    this.#loops.set(user, loop);
    this.#active += 1;
    this.#host.noteVus(1);
    const next = (of: VirtualUser, nowMs: number): Next => (loop.ending ? 'end' : this.#next(of, nowMs));
    void this.#host.runner.loop(user, this.#host.fn, next).then(() => this.#leave(loop));
  }

  /** Lets the latest of the users end after their iteration; what goes on after `graceMs` is cut off. */
  end(count: number, graceMs: number): void {
    const chosen = [...this.#loops.values()].filter((loop) => !loop.ending).slice(-count);
    if (count <= 0) return;
    const cutAtMs = performance.now() + graceMs;
    for (const loop of chosen) {
      loop.ending = true;
      loop.cutAtMs = cutAtMs;
      this.#active -= 1;
      loop.user.wake();
    }
    this.#armCut();
  }
  /** Lets all end, those that were told so before too, with the shorter of their graces. */
  endAll(graceMs: number): void {
    this.end(this.#active, graceMs);
    const cutAtMs = performance.now() + graceMs;
    for (const loop of this.#loops.values()) loop.cutAtMs = Math.min(loop.cutAtMs, cutAtMs);
    this.#armCut();
  }

  /** Resolves when no user is left. */
  drained(): Promise<void> {
    return this.#loops.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#drained.push(resolve));
  }

  #armCut(): void {
    clearTimeout(this.#cutTimer);
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const loop of this.#loops.values()) earliestMs = Math.min(earliestMs, loop.cutAtMs);
    if (earliestMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.min(MAX_TIMER_MS, Math.max(0, earliestMs - performance.now()));
    this.#cutTimer = setTimeout(() => this.#cut(), waitMs);
  }

  #cut(): void {
    const nowMs = performance.now();
    for (const loop of [...this.#loops.values()]) {
      if (loop.cutAtMs > nowMs) continue;
      if (loop.user.inIteration) this.#host.runner.interrupt(loop.user);
      // Its code may hang in a promise that never settles: it is gone from here on.
      this.#leave(loop);
    }
    this.#armCut();
  }

  #leave(loop: Loop): void {
    if (!this.#loops.delete(loop.user)) return;
    if (!loop.ending) this.#active -= 1;
    loop.user.close();
    this.#host.noteVus(-1);
    if (this.#loops.size > 0) return;
    clearTimeout(this.#cutTimer);
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
