import type { VirtualUser } from '../virtual-user.js';
import type { ScenarioHost } from './scenario-host.js';
import { Pause } from './waits.js';

/**
 * The users of a scenario, each in a loop of its own. Whoever owns it says how many there shall be and what one turn of a
 * loop does; this class starts loops, lets them end, and cuts off what outlives its grace.
 */
export class UserLoops {
  readonly #host: ScenarioHost;
  readonly #turn: (user: VirtualUser) => Promise<boolean>;
  readonly #running = new Map<VirtualUser, { ending: boolean; readonly done: Promise<void> }>();

  /** @param turn one iteration; false ends the user's loop */
  constructor(host: ScenarioHost, turn: (user: VirtualUser) => Promise<boolean>) {
    this.#host = host;
    this.#turn = turn;
  }

  get size(): number {
    return this.#running.size;
  }
  /** Users that are not told to end. */
  get active(): number {
    let count = 0;
    for (const loop of this.#running.values()) if (!loop.ending) count += 1;
    return count;
  }
  /** Ids of all users that are there. */
  ids(): ReadonlySet<number> {
    return new Set([...this.#running.keys()].map((user) => user.id));
  }

  start(id: number): void {
    const user = this.#host.makeUser(id);
    const loop = { ending: false, done: Promise.resolve() };
    const done = this.#loop(user, loop).finally(() => {
      this.#running.delete(user);
      user.close();
      this.#host.noteVus(-1);
    });
    this.#host.noteVus(1);
    this.#running.set(user, Object.assign(loop, { done }));
  }

  async #loop(user: VirtualUser, loop: { readonly ending: boolean }): Promise<void> {
    while (!loop.ending && !user.cancelled && (await this.#turn(user))) if (user.cancelled) return;
  }

  /** Lets the latest of the users end after their iteration; after `graceMs` they are cut off. */
  end(count: number, graceMs: number): void {
    const chosen = [...this.#running]
      .filter(([, loop]) => !loop.ending)
      .reverse()
      .slice(0, count);
    for (const [user, loop] of chosen) {
      loop.ending = true;
      const timer = setTimeout(() => this.#cut(user), Math.min(graceMs, 2_147_483_647));
      void loop.done.finally(() => clearTimeout(timer));
    }
  }

  #cut(user: VirtualUser): void {
    if (!this.#running.has(user) || user.cancelled) return;
    user.cancel();
    this.#host.runner.noteInterrupted(user);
    // Its loop may hang in a promise that never settles: it is gone from here on.
    this.#running.delete(user);
    this.#host.noteVus(-1);
    this.#drained.wake();
  }

  readonly #drained = new Pause();

  /** Resolves when no user is left. */
  async drained(): Promise<void> {
    while (this.#running.size > 0) {
      await Promise.race([...[...this.#running.values()].map((loop) => loop.done), this.#drained.for(1_000)]);
      this.#drained.wake();
    }
  }
}
