/** Longest delay of a timer of Node. */
const MAX_TIMER_MS = 2_147_483_647;
/** A timer may come a millisecond late: the rest is spent turning the event loop. */
const SPIN_MS = 2;

/** One wait at a time, which something else can end early. */
export class Wait {
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #resolve: (() => void) | null = null;

  /** Resolves after so long, or at {@link wake}. */
  for(ms: number): Promise<void> {
    this.wake();
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#timer = setTimeout(() => this.wake(), Math.min(Math.max(0, ms), MAX_TIMER_MS));
    });
  }

  /** Resolves at this instant of `performance.now()`, within some microseconds when the loop is free; or at {@link wake}. */
  until(performanceMs: number): Promise<void> {
    this.wake();
    return new Promise((resolve) => {
      this.#resolve = resolve;
      const spin = (): void => {
        if (performance.now() >= performanceMs) this.wake();
        else this.#immediate = setImmediate(spin);
      };
      const leftMs = performanceMs - performance.now() - SPIN_MS;
      if (leftMs <= 0) spin();
      else this.#timer = setTimeout(spin, Math.min(leftMs, MAX_TIMER_MS));
    });
  }

  wake(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    const resolve = this.#resolve;
    this.#resolve = null;
    resolve?.();
  }
}
