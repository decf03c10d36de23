const LINES_PER_SECOND = 100;

/** Bounds what workers may say to the broker: a loop that logs fills no pipe. */
export class LogBudget {
  #secondStartMs = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #left = 0;

  /** The lines to send for this one: none over the budget, and after a pause how many were left out. */
  take(nowMs: number, message: string): readonly string[] {
    const before: string[] = [];
    if (nowMs - this.#secondStartMs >= 1_000) {
      if (this.#left > 0) before.push(`${this.#left} more lines were left out`);
      this.#secondStartMs = nowMs;
      this.#lines = 0;
      this.#left = 0;
    }
    this.#lines += 1;
    if (this.#lines <= LINES_PER_SECOND) return [...before, message];
    this.#left += 1;
    return before;
  }
}
