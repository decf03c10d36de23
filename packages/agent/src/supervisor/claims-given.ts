interface Given {
  readonly worker: number;
  readonly count: number;
}

/**
 * What the agent was given of one thing and which worker has it. The broker takes `confirmed` as "the first so many of
 * all this agent was given are used for good", so of what several workers use side by side only the unbroken beginning
 * counts.
 */
export class ClaimsGiven {
  /** In the order given; fully confirmed ones at the front are folded into `#settled`. */
  #given: Given[] = [];
  #settled = 0;
  /** Confirmed by each worker and not yet folded. */
  readonly #confirmed = new Map<number, number>();
  readonly #total = new Map<number, number>();

  /** A worker says how many of all it was given it has used for good. */
  confirm(worker: number, total: number): void {
    const before = this.#total.get(worker) ?? 0;
    if (total <= before) return;
    this.#total.set(worker, total);
    this.#confirmed.set(worker, (this.#confirmed.get(worker) ?? 0) + total - before);
    this.#fold();
  }

  give(worker: number, count: number): void {
    if (count > 0) this.#given.push({ worker, count });
    this.#fold();
  }

  /** What to tell the broker: an unbroken beginning of everything given. */
  get confirmed(): number {
    const [first] = this.#given;
    const begun = first === undefined ? 0 : Math.min(first.count, this.#confirmed.get(first.worker) ?? 0);
    return this.#settled + begun;
  }

  #fold(): void {
    for (;;) {
      const [first] = this.#given;
      if (first === undefined) return;
      const open = this.#confirmed.get(first.worker) ?? 0;
      if (open < first.count) return;
      this.#confirmed.set(first.worker, open - first.count);
      this.#settled += first.count;
      this.#given.shift();
    }
  }
}
