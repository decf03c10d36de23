import { activeMsOf, type ConstantVus, countIn, nextChangeMs, type RampingVus, type Stripe, vusAt } from '@muster/plan';
import type { VirtualUser } from '../virtual-user.js';
import { type ScenarioHost, type ScenarioRun, shareAt } from './scenario-host.js';
import { UserLoops } from './user-loops.js';
import { Pause, QUIET_LOOK_MS } from './waits.js';

/** `constant-vus` and `ramping-vus`: so many users at each instant, each iterating as fast as it can. */
export class LoopingVus implements ScenarioRun {
  readonly #scenario: ConstantVus | RampingVus;
  readonly #host: ScenarioHost;
  readonly #loops: UserLoops;
  readonly #pause = new Pause();
  #stopped = false;
  #iterations = 0;

  constructor(scenario: ConstantVus | RampingVus, host: ScenarioHost) {
    this.#scenario = scenario;
    this.#host = host;
    this.#loops = new UserLoops(host, (user) => this.#turn(user));
  }

  async #turn(user: VirtualUser): Promise<boolean> {
    if (!this.#host.right.allows(this.#host.now())) {
      await new Promise((resolve) => setTimeout(resolve, QUIET_LOOK_MS));
      return true;
    }
    await this.#host.runner.run(user, this.#host.fn, -1, this.#iterations);
    this.#iterations += 1;
    return true;
  }

  get #atMs(): number {
    return this.#host.runMs() - this.#scenario.startTimeMs;
  }
  get #graceMs(): number {
    return this.#scenario.executor === 'ramping-vus'
      ? this.#scenario.gracefulRampDownMs
      : this.#scenario.gracefulStopMs;
  }

  async run(): Promise<void> {
    const endMs = activeMsOf(this.#scenario);
    while (!this.#stopped && this.#atMs < endMs) {
      const share = shareAt(this.#host.shares(), this.#host.runMs());
      this.#fit(share?.stripe ?? null);
      if (share !== undefined && share.stripe === null) break;
      await this.#pause.for(Math.max(1, this.#untilNextChange()));
    }
    this.#loops.end(this.#loops.size, this.#scenario.gracefulStopMs);
    await this.#loops.drained();
  }

  /** Starts and ends users until there are as many as this worker's stripe has now. */
  #fit(stripe: Stripe | null): void {
    const wanted = stripe === null ? 0 : countIn(stripe, vusAt(this.#scenario, this.#atMs));
    const active = this.#loops.active;
    if (wanted < active) this.#loops.end(active - wanted, this.#graceMs);
    if (stripe === null) return;
    const taken = this.#loops.ids();
    for (let index = stripe.offset, missing = wanted - active; missing > 0; index += stripe.period) {
      if (taken.has(index + 1)) continue;
      this.#loops.start(index + 1);
      missing -= 1;
    }
  }

  #untilNextChange(): number {
    const at = this.#atMs;
    const next = Math.min(nextChangeMs(this.#scenario, at), activeMsOf(this.#scenario));
    const runMs = this.#host.runMs();
    const plans = this.#host
      .shares()
      .map((share) => share.plan.fromMs)
      .filter((fromMs) => fromMs > runMs);
    return Math.min(next - at, ...plans.map((fromMs) => fromMs - runMs));
  }

  replan(): void {
    this.#pause.wake();
  }
  stop(): void {
    this.#stopped = true;
    this.#pause.wake();
  }
  progress(): number {
    return Math.min(1, Math.max(0, this.#atMs / activeMsOf(this.#scenario)));
  }
}
