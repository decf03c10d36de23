import { countIn, type PerVuIterations, type SharedIterations } from '@muster/plan';
import type { Next } from '../load/iteration-runner.js';
import type { VirtualUser } from '../load/virtual-user.js';
import { Wait } from '../load/waits.js';
import type { DropReason, ScenarioHost, ScenarioRun } from './scenario-host.js';
import { SharedWork } from './shared-work.js';
import { UserLoops } from './user-loops.js';

/**
 * `per-vu-iterations` and `shared-iterations`. What the users of a lost agent have not done is not begun again elsewhere
 * (at most once); shared iterations that it has not confirmed are given out again (at least once).
 */
export class Iterations implements ScenarioRun {
  readonly #scenario: PerVuIterations | SharedIterations;
  readonly #host: ScenarioHost;
  readonly #loops: UserLoops;
  readonly #work: SharedWork | null;
  readonly #wait = new Wait();
  /** Why nothing new is begun; null while something is. */
  #closed: DropReason | null = null;
  #planned = 0;
  #begun = 0;

  constructor(scenario: PerVuIterations | SharedIterations, host: ScenarioHost) {
    this.#scenario = scenario;
    this.#host = host;
    this.#work = scenario.executor === 'shared-iterations' ? new SharedWork(scenario.iterations, host) : null;
    this.#loops = new UserLoops(host, (user, nowMs) => this.#next(user, nowMs));
  }

  #next(user: VirtualUser, nowMs: number): Next {
    // The loop comes back here when its iteration is over: that is when a shared one is done for good.
    if (this.#work !== null && user.iteration >= 0 && this.#unconfirmed.delete(user)) this.#work.confirm();
    if (this.#closed !== null) return 'end';
    if (!this.#host.gate.isOpen(nowMs)) return this.#host.gate.wait();
    const index = this.#work === null ? this.#ownIndex(user) : this.#work.take(nowMs);
    if (typeof index !== 'number') return index;
    if (this.#work !== null) this.#unconfirmed.add(user);
    this.#begun += 1;
    return index;
  }
  readonly #unconfirmed = new Set<VirtualUser>();

  #ownIndex(user: VirtualUser): number | 'end' {
    return user.iteration + 1 < this.#scenario.iterations ? this.#begun : 'end';
  }

  async run(): Promise<void> {
    const { clock, shares } = this.#host;
    const endMs = performance.now() + this.#scenario.maxDurationMs;
    this.#startUsers();
    void this.#loops.drained().then(() => this.#wait.wake());
    while (this.#closed === null && this.#loops.size > 0) {
      const nowMs = performance.now();
      const runMs = clock.at(nowMs);
      if (nowMs >= endMs) this.#close('duration');
      else if (shares.at(runMs)?.stripe === null) this.#close('lease');
      else await this.#wait.for(Math.min(endMs - nowMs, shares.nextChangeMs(runMs) - runMs));
    }
    const why = this.#closed;
    this.#loops.endAll(this.#scenario.gracefulStopMs);
    await this.#loops.drained();
    this.#dropRest(why ?? 'stopped');
  }

  #startUsers(): void {
    const share = this.#host.shares.at(this.#host.clock.now());
    const stripe = share?.stripe ?? null;
    if (share === undefined || stripe === null || this.#closed !== null) return;
    const users = countIn(stripe, this.#scenario.vus);
    if (this.#work === null) this.#planned = users * this.#scenario.iterations;
    for (let n = 0; n < users; n += 1) this.#loops.start(share.generation, stripe.offset + n * stripe.period);
  }

  #dropRest(why: DropReason): void {
    // Shared iterations of an agent that is out of the plan are given to others.
    const left = this.#work === null ? this.#planned - this.#begun : why === 'lease' ? 0 : this.#work.left;
    this.#host.drop(why, left);
  }

  #close(why: DropReason): void {
    this.#closed ??= why;
    this.#work?.stop();
    this.#host.gate.release();
    this.#wait.wake();
  }

  replan(): void {
    this.#wait.wake();
  }
  stop(): void {
    this.#close('stopped');
  }
  progress(): number {
    const all = this.#work === null ? this.#planned : this.#scenario.iterations;
    return all === 0 ? 0 : Math.min(1, this.#begun / all);
  }
}
