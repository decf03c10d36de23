/** A body that is kept may be so large. */
export const MAX_BODY_BYTES = 64 * 1_024 * 1_024;
const FIRST_BYTES = 16 * 1_024;
const EMPTY = Buffer.alloc(0);

/** Gathers a body out of a buffer that is used again. It grows with what came, never with what was only promised. */
export class BodyBuffer {
  #bytes: Buffer = EMPTY;
  #length = 0;

  reset(): void {
    this.#bytes = EMPTY;
    this.#length = 0;
  }

  /**
   * Copies a piece.
   * @param expected bytes that are still to come after this piece, where that is known; else 0
   * @returns false when the body would be over {@link MAX_BODY_BYTES}
   */
  add(buffer: Buffer, from: number, to: number, expected: number): boolean {
    const length = this.#length + to - from;
    if (length > MAX_BODY_BYTES) return false;
    if (length > this.#bytes.length) this.#grow(length, expected);
    buffer.copy(this.#bytes, this.#length, from, to);
    this.#length = length;
    return true;
  }

  #grow(length: number, expected: number): void {
    const room = expected === 0 && this.#length === 0 ? length : Math.max(FIRST_BYTES, length * 2);
    const whole = expected > 0 ? length + expected : Number.POSITIVE_INFINITY;
    const grown = Buffer.allocUnsafe(Math.min(room, whole));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }

  /** Hands the body over and starts afresh. */
  take(): Buffer {
    const body = this.#length === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.#length);
    this.reset();
    return body;
  }
}
