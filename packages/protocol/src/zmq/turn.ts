/**
 * Keeps a loop that never waits from holding up everything else: zeromq answers at once for as long as it has messages,
 * and promises that are resolved already let nobody else in.
 */
export class Turn {
  readonly #budgetMs: number;
  #startedMs: number | null = null;

  constructor(budgetMs: number) {
    this.#budgetMs = budgetMs;
  }

  /** Call after each piece of work; a promise means that the budget is used up and the others come first. */
  spent(): Promise<void> | undefined {
    const nowMs = performance.now();
    if (this.#startedMs === null) {
      this.#startedMs = nowMs;
      // Runs as soon as anybody else does: then a new turn begins.
      setImmediate(() => {
        this.#startedMs = null;
      });
      return undefined;
    }
    if (nowMs - this.#startedMs < this.#budgetMs) return undefined;
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
