/** The loop lags when a timer comes so much too late. */
const LAG_MS = 100;

/** Tells whether the event loop keeps up, by how late a regular call comes; lets those who can wait do so. */
export class LoopLag {
  readonly #everyMs: number;
  #beforeMs: number | null = null;
  #lagging = false;
  #waiting: (() => void)[] = [];

  /** @param everyMs how often `tick` is to be called */
  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  tick(nowMs: number): void {
    this.#lagging = this.#beforeMs !== null && nowMs - this.#beforeMs > this.#everyMs + LAG_MS;
    this.#beforeMs = nowMs;
    if (this.#lagging) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  /** Undefined when there is nothing to wait for. */
  calm(): Promise<void> | undefined {
    if (!this.#lagging) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Nobody waits any more. */
  end(): void {
    this.#lagging = false;
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
