import type { SharedIterations } from '@muster/plan';
import type { ScenarioHost } from './scenario-host.js';

/** The wire's block: at most so many, or about a second's use where that is more. */
const BLOCK = 100;
/** Others may still give something back: asks again after so long. */
const ASK_AGAIN_MS = 100;

/** This worker's part of iterations that the whole cluster shares: claimed in blocks ahead of need, confirmed when done. */
export class SharedWork {
  readonly #scenario: SharedIterations;
  readonly #host: ScenarioHost;
  #ranges: { from: number; count: number }[] = [];
  #confirmed = 0;
  #asking: Promise<void> | null = null;
  #exhausted = false;
  #stopped = false;
  #begunMs = 0;

  constructor(scenario: SharedIterations, host: ScenarioHost) {
    this.#scenario = scenario;
    this.#host = host;
  }

  /** Claimed and not begun. */
  get left(): number {
    return this.#ranges.reduce((sum, range) => sum + range.count, 0);
  }

  confirm(): void {
    this.#confirmed += 1;
  }
  stop(): void {
    this.#stopped = true;
  }

  /** The next index, or null when there is no more. */
  async take(): Promise<number | null> {
    for (;;) {
      if (this.#stopped) return null;
      const [range] = this.#ranges;
      if (range !== undefined) {
        const index = range.from;
        range.from += 1;
        range.count -= 1;
        if (range.count === 0) this.#ranges.shift();
        if (this.left < this.#block() / 2 && !this.#exhausted) void this.#ask();
        return index;
      }
      if (this.#exhausted) return null;
      await this.#ask();
    }
  }

  #block(): number {
    if (this.#begunMs === 0) this.#begunMs = this.#host.runMs();
    const seconds = (this.#host.runMs() - this.#begunMs) / 1_000;
    const perSecond = seconds > 0.5 ? this.#confirmed / seconds : 0;
    // A first block that leaves something for the others.
    const fair = Math.max(1, Math.ceil(this.#scenario.iterations / 16));
    return Math.max(1, Math.min(fair, Math.max(BLOCK, Math.ceil(perSecond))));
  }

  #ask(): Promise<void> {
    this.#asking ??= this.#host
      .claim(this.#block(), this.#confirmed)
      .then(async (given) => {
        if (given.count > 0) this.#ranges.push({ from: given.from, count: given.count });
        else if (given.exhausted) this.#exhausted = true;
        else await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
      })
      .catch(() => new Promise<void>((resolve) => setTimeout(resolve, ASK_AGAIN_MS)))
      .finally(() => {
        this.#asking = null;
      });
    return this.#asking;
  }
}
