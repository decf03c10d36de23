import type { ResponseHead } from './response-head.js';

/** Heads longer than this are parsed each time. */
const MAX_BYTES = 2_048;
/** So many heads in a row that were different: they differ each time, so comparing is given up. */
const MAX_MISSES = 16;
const WORD = 8;
const NO_WORDS = new Float64Array(0);

/**
 * Remembers the last head that a URL was answered with. Most answers of a test have the head of the one before, but for
 * the second in `Date`: comparing it costs a fraction of parsing it, and equal answers share one {@link ResponseHead}.
 */
export class HeadMemo {
  #bytes: Buffer | null = null;
  /** The whole words of it, for comparing eight bytes at a time. */
  #words: Float64Array = NO_WORDS;
  #viewed: Buffer | null = null;
  #view: Float64Array = NO_WORDS;
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
    const same =
      from === 0 && this.#alignedTo(buffer) ? this.#equals(buffer, bytes) : equal(buffer, bytes, from, length);
    if (!same) return null;
    this.#misses = 0;
    return this.#head;
  }

  /** Whether {@link #view} shows the words of this buffer: it is always the same one that is read into. */
  #alignedTo(buffer: Buffer): boolean {
    if (this.#viewed === buffer) return true;
    if (buffer.byteOffset % WORD !== 0) return false;
    this.#viewed = buffer;
    this.#view = new Float64Array(buffer.buffer, buffer.byteOffset, Math.floor(buffer.length / WORD));
    return true;
  }

  /**
   * Compares words as doubles. No double but 0 equals one of other bytes, and a head that was parsed holds no zero bytes;
   * one that equals not even itself (some bytes above 127) only has to be parsed again.
   */
  #equals(buffer: Buffer, bytes: Buffer): boolean {
    const words = this.#words;
    const view = this.#view;
    for (let n = 0; n < words.length; n += 1) if (words[n] !== view[n]) return false;
    for (let n = words.length * WORD; n < this.#length; n += 1) if (bytes[n] !== buffer[n]) return false;
    return true;
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
    this.#words = new Float64Array(this.#bytes.buffer, 0, Math.floor(length / WORD));
    this.#length = length;
    this.#head = head;
  }
}

const equal = (buffer: Buffer, bytes: Buffer, from: number, length: number): boolean =>
  buffer.compare(bytes, 0, length, from, from + length) === 0;
