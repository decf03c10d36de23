import type { ResponseHead } from './response-head.js';

/** Heads longer than this are parsed each time. */
const MAX_BYTES = 2_048;
/** So many heads in a row that were different: they differ each time, so comparing is given up. */
const MAX_MISSES = 16;

/**
 * Remembers the last head that a URL was answered with. Most answers of a test have the head of the one before, but for
 * the second in `Date`: comparing it costs a fraction of parsing it, and equal answers share one {@link ResponseHead}.
 */
export class HeadMemo {
  #bytes: Buffer | null = null;
  #length = 0;
  #head: ResponseHead | null = null;
  #misses = 0;

  /** Bytes of the head that {@link match} has found. */
  get length(): number {
    return this.#length;
  }

  /** The remembered head if exactly it lies at `from`. */
  match(buffer: Buffer, from: number, to: number): ResponseHead | null {
    const bytes = this.#bytes;
    const length = this.#length;
    if (bytes === null || to - from < length) return null;
    if (buffer.compare(bytes, 0, length, from, from + length) === 0) {
      this.#misses = 0;
      return this.#head;
    }
    return null;
  }

  /** Notes a head that had to be parsed. */
  learn(buffer: Buffer, from: number, length: number, head: ResponseHead): void {
    if (this.#misses > MAX_MISSES || length > MAX_BYTES) {
      this.#bytes = null;
      this.#head = null;
      return;
    }
    this.#misses += 1;
    if (this.#bytes === null || this.#bytes.length < length) this.#bytes = Buffer.allocUnsafeSlow(length);
    buffer.copy(this.#bytes, 0, from, from + length);
    this.#length = length;
    this.#head = head;
  }
}
