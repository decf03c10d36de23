import { activeMsOf, type ConstantVus, countIn, nextChangeMs, type RampingVus, vusAt } from '@muster/plan';
import type { Next } from '../load/iteration-runner.js';
import type { Share } from '../load/share-line.js';
import { Wait } from '../load/waits.js';
import type { ScenarioHost, ScenarioRun } from './scenario-host.js';
import { UserLoops } from './user-loops.js';

/** `constant-vus` and `ramping-vus`: so many users at each instant, each iterating as fast as it can. */
export class LoopingVus implements ScenarioRun {
  readonly #scenario: ConstantVus | RampingVus;
  readonly #host: ScenarioHost;
  readonly #loops: UserLoops;
  readonly #wait = new Wait();
  readonly #activeMs: number;
  #stopped = false;
  #begun = 0;

  constructor(scenario: ConstantVus | RampingVus, host: ScenarioHost) {
    this.#scenario = scenario;
    this.#host = host;
    this.#activeMs = activeMsOf(scenario);
    this.#loops = new UserLoops(host, (_, nowMs) => this.#next(nowMs));
  }

  #next(nowMs: number): Next {
    if (this.#stopped || this.#at(nowMs) >= this.#activeMs) return 'end';
    if (!this.#host.gate.isOpen(nowMs)) return this.#host.gate.wait();
    this.#begun += 1;
    return this.#begun - 1;
  }

  /** Milliseconds since the scenario's start. */
  #at(nowMs: number): number {
    return this.#host.clock.at(nowMs) - this.#scenario.startTimeMs;
  }

  async run(): Promise<void> {
    for (;;) {
      const nowMs = performance.now();
      const share = this.#host.shares.at(this.#host.clock.at(nowMs));
      if (this.#stopped || this.#at(nowMs) >= this.#activeMs || share === undefined || share.stripe === null) break;
      this.#fit(share, this.#at(nowMs));
      await this.#wait.for(this.#untilNextChange(nowMs));
    }
    this.#stopped = true;
    this.#host.gate.release();
    this.#loops.endAll(this.#scenario.gracefulStopMs);
    await this.#loops.drained();
  }

  /** Starts and ends users until there are as many as this worker's stripe has now. */
  #fit(share: Share, atMs: number): void {
    const { stripe, generation } = share;
    if (stripe === null) return;
    const wanted = countIn(stripe, vusAt(this.#scenario, atMs));
    let missing = wanted - this.#loops.active;
    if (missing < 0) {
      const { executor } = this.#scenario;
      const graceMs = executor === 'ramping-vus' ? this.#scenario.gracefulRampDownMs : this.#scenario.gracefulStopMs;
      this.#loops.end(-missing, graceMs);
    }
    if (missing <= 0) return;
    const taken = this.#loops.indicesOf(generation);
    for (let index = stripe.offset; missing > 0; index += stripe.period) {
      if (taken.has(index)) continue;
      this.#loops.start(generation, index);
      missing -= 1;
    }
  }

  #untilNextChange(nowMs: number): number {
    const atMs = this.#at(nowMs);
    const runMs = this.#host.clock.at(nowMs);
    const changeMs = Math.min(nextChangeMs(this.#scenario, atMs), this.#activeMs) - atMs;
    // A timer may come a fraction early: then the loop above only looks once more.
    return Math.max(0, Math.min(changeMs, this.#host.shares.nextChangeMs(runMs) - runMs));
  }

  replan(): void {
    this.#wait.wake();
  }
  stop(): void {
    this.#stopped = true;
    this.#host.gate.release();
    this.#wait.wake();
  }
  progress(): number {
    return Math.min(1, Math.max(0, this.#at(performance.now()) / this.#activeMs));
  }
}
