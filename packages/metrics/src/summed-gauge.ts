/** How many seconds all summed gauges of a set may hold together: what bounds their memory. */
export interface SecondsBudget {
  left: number;
}

/**
 * A gauge that is the sum of its sources' parts, second by second (`vus`, `vus_max`). It keeps every second, so the
 * parts may come in any order and as late as they like. `value` is the sum at the latest second; `min` and `max` are the
 * least and the greatest sum of a second.
 *
 * A source sets its level once in every second in which it exists: a second in which it is silent counts as none.
 */
export class SummedGauge {
  readonly type = 'gauge';
  touched = false;
  /** Values that were not finite; left out. */
  rejected = 0;
  readonly #parts = new Map<number, number>();
  readonly #budget: SecondsBudget;
  #latest = Number.NEGATIVE_INFINITY;

  constructor(budget: SecondsBudget = { left: Number.POSITIVE_INFINITY }) {
    this.#budget = budget;
  }

  get value(): number {
    return this.#parts.get(this.#latest) ?? 0;
  }
  get min(): number {
    let min = Number.POSITIVE_INFINITY;
    for (const sum of this.#parts.values()) if (sum < min) min = sum;
    return min;
  }
  get max(): number {
    let max = Number.NEGATIVE_INFINITY;
    for (const sum of this.#parts.values()) if (sum > max) max = sum;
    return max;
  }
  get atMs(): number {
    return this.#latest * 1_000;
  }

  /** The level of this source from an instant on, in milliseconds of the run; the last one in a second counts. */
  add(value: number, atMs: number): void {
    if (!Number.isFinite(value) || !Number.isFinite(atMs)) {
      this.rejected += 1;
      return;
    }
    this.#put(Math.floor(atMs / 1_000), value, false);
  }

  /** Another source's part of a second. @returns false when there is no room for one more second. */
  addPart(value: number, second: number): boolean {
    return this.#put(second, value, true);
  }

  #put(second: number, value: number, onTop: boolean): boolean {
    const before = this.#parts.get(second);
    if (before === undefined) {
      if (this.#budget.left < 1) return false;
      this.#budget.left -= 1;
    }
    this.#parts.set(second, onTop ? (before ?? 0) + value : value);
    if (second > this.#latest) this.#latest = second;
    this.touched = true;
    return true;
  }

  merge(other: SummedGauge): void {
    for (const [second, value] of other.#parts) this.addPart(value, second);
  }

  reset(): void {
    this.#budget.left += this.#parts.size;
    this.#parts.clear();
    this.#latest = Number.NEGATIVE_INFINITY;
    this.rejected = 0;
    this.touched = false;
  }
}
