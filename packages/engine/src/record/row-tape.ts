import { SAMPLE_COLUMNS } from '@muster/protocol';

/** Numbers that a row has on the tape: one for each column. */
export const ROW_WIDTH = SAMPLE_COLUMNS.length;

/**
 * Rows one after the other in one array of doubles, made once and grown by doubling up to a bound: writing a row makes
 * no garbage.
 */
export class RowTape {
  #numbers: Float64Array;
  readonly #maxRows: number;
  #rows = 0;

  constructor(firstRows: number, maxRows: number) {
    this.#numbers = new Float64Array(Math.min(firstRows, maxRows) * ROW_WIDTH);
    this.#maxRows = maxRows;
  }

  get rows(): number {
    return this.#rows;
  }
  get numbers(): Float64Array {
    return this.#numbers;
  }
  get isFull(): boolean {
    return this.#rows >= this.#maxRows;
  }

  /** Where the next row begins in {@link numbers}; the tape must not be full. */
  append(): number {
    const at = this.#rows * ROW_WIDTH;
    if (at === this.#numbers.length) {
      const grown = new Float64Array(Math.min(Math.max(16, this.#rows * 2), this.#maxRows) * ROW_WIDTH);
      grown.set(this.#numbers);
      this.#numbers = grown;
    }
    this.#rows += 1;
    return at;
  }

  /** Keeps the rows 0, 2, 4, … */
  halve(): void {
    const kept = Math.ceil(this.#rows / 2);
    for (let row = 1; row < kept; row += 1) {
      const from = row * 2 * ROW_WIDTH;
      this.#numbers.copyWithin(row * ROW_WIDTH, from, from + ROW_WIDTH);
    }
    this.#rows = kept;
  }

  clear(): void {
    this.#rows = 0;
  }
}
