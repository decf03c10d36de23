import { countIn, type PerVuIterations, type SharedIterations } from '@muster/plan';
import type { VirtualUser } from '../virtual-user.js';
import { type ScenarioHost, type ScenarioRun, shareAt } from './scenario-host.js';
import { SharedWork } from './shared-work.js';
import { UserLoops } from './user-loops.js';
import { Pause, QUIET_LOOK_MS } from './waits.js';

/**
 * `per-vu-iterations` and `shared-iterations`. The users of an agent that is lost are not begun again elsewhere: their
 * iterations are at most once; the shared ones go back to the broker and are given out again.
 */
export class Iterations implements ScenarioRun {
  readonly #scenario: PerVuIterations | SharedIterations;
  readonly #host: ScenarioHost;
  readonly #loops: UserLoops;
  readonly #work: SharedWork | null;
  readonly #pause = new Pause();
  #stopped = false;
  #planned = 0;
  #begun = 0;

  constructor(scenario: PerVuIterations | SharedIterations, host: ScenarioHost) {
    this.#scenario = scenario;
    this.#host = host;
    this.#work = scenario.executor === 'shared-iterations' ? new SharedWork(scenario, host) : null;
    this.#loops = new UserLoops(host, (user) => this.#turn(user));
  }

  async #turn(user: VirtualUser): Promise<boolean> {
    if (this.#stopped) return false;
    if (!this.#host.right.allows(this.#host.now())) {
      await new Promise((resolve) => setTimeout(resolve, QUIET_LOOK_MS));
      return true;
    }
    if (this.#work === null) {
      if (user.iteration + 1 >= this.#scenario.iterations) return false;
      this.#begun += 1;
      await this.#host.runner.run(user, this.#host.fn, -1, this.#begun - 1);
      return user.iteration + 1 < this.#scenario.iterations;
    }
    const index = await this.#work.take();
    if (index === null || this.#stopped) return false;
    this.#begun += 1;
    await this.#host.runner.run(user, this.#host.fn, -1, index);
    this.#work.confirm();
    return true;
  }

  async run(): Promise<void> {
    const share = shareAt(this.#host.shares(), this.#host.runMs());
    const stripe = share?.stripe ?? null;
    const users = stripe === null ? 0 : countIn(stripe, this.#scenario.vus);
    this.#planned = this.#work === null ? users * this.#scenario.iterations : 0;
    if (stripe !== null) for (let n = 0; n < users; n += 1) this.#loops.start(stripe.offset + n * stripe.period + 1);
    const endMs = this.#host.runMs() + this.#scenario.maxDurationMs;
    while (!this.#stopped && this.#loops.size > 0) {
      const leftMs = endMs - this.#host.runMs();
      if (leftMs <= 0) break;
      await Promise.race([this.#pause.for(leftMs), this.#loops.drained()]);
      this.#pause.wake();
    }
    const ranOut = !this.#stopped && this.#loops.size > 0;
    this.#stopped = true;
    this.#work?.stop();
    this.#loops.end(this.#loops.size, this.#scenario.gracefulStopMs);
    await this.#loops.drained();
    const left = this.#work === null ? this.#planned - this.#begun : this.#work.left;
    if (left > 0) this.#host.drop(ranOut ? 'duration' : 'stopped', left);
  }

  replan(): void {
    const share = shareAt(this.#host.shares(), this.#host.runMs());
    if (share !== undefined && share.stripe === null) this.stop();
  }
  stop(): void {
    this.#stopped = true;
    this.#work?.stop();
    this.#pause.wake();
  }
  progress(): number {
    return this.#planned > 0 ? this.#begun / this.#planned : 0;
  }
}
