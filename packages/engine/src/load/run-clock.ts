import { fromMachineMs } from '../clock.js';

/** The run's clock: milliseconds since its start instant, told from `performance.now()`. */
export class RunClock {
  #originMs = Number.POSITIVE_INFINITY;
  #started: (() => void)[] = [];

  /** The start is known from the plan of generation 1. */
  begin(startAtMachineMs: number): void {
    this.#originMs = fromMachineMs(startAtMachineMs);
    for (const started of this.#started.splice(0)) started();
  }
  get isKnown(): boolean {
    return this.#originMs !== Number.POSITIVE_INFINITY;
  }
  /** Instant 0 of the run, as `performance.now()` tells it; infinite while it is not known. */
  get originMs(): number {
    return this.#originMs;
  }
  /** Resolves when the start is known. */
  known(): Promise<void> {
    return this.isKnown ? Promise.resolve() : new Promise((resolve) => this.#started.push(resolve));
  }

  /** Negative before the start, minus infinity while it is not known. */
  at(performanceMs: number): number {
    return performanceMs - this.#originMs;
  }
  now(): number {
    return performance.now() - this.#originMs;
  }
}
