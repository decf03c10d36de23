/** A body that is kept may be so large. */
export const MAX_BODY_BYTES = 64 * 1_024 * 1_024;
const FIRST_BYTES = 16 * 1_024;
const EMPTY = Buffer.alloc(0);
/** Small bodies lie together in slabs: an array for each would cost more than the request's other work. */
const SLAB_BYTES = 16 * 1_024;
const SMALL_BYTES = 1_024;
/** Up to here a loop is faster than a call that copies. */
const LOOP_BYTES = 64;

/** A body that has come whole: a part of a buffer that is never written again. */
export class Body {
  readonly #buffer: Buffer;
  readonly #from: number;
  readonly #to: number;

  constructor(buffer: Buffer, from: number, to: number) {
    this.#buffer = buffer;
    this.#from = from;
    this.#to = to;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(this.#from, this.#to);
  }
}

/** Where small bodies go: slabs that are filled one after the other. One serves a whole worker. */
export class BodySlabs {
  #slab = EMPTY;
  #used = 0;

  keep(buffer: Buffer, from: number, to: number): Body {
    const length = to - from;
    if (this.#used + length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    const slab = this.#slab;
    const at = this.#used;
    this.#used += length;
    if (length > LOOP_BYTES) buffer.copy(slab, at, from, to);
    else for (let n = 0; n < length; n += 1) slab[at + n] = buffer[from + n] as number;
    return new Body(slab, at, at + length);
  }
}

const NO_BODY = new Body(EMPTY, 0, 0);

/** Gathers a body out of a buffer that is used again. It grows with what came, never with what was only promised. */
export class BodyBuffer {
  readonly #slabs: BodySlabs;
  /** A small body that came in one piece. */
  #small: Body | null = null;
  #bytes: Buffer = EMPTY;
  #length = 0;

  constructor(slabs: BodySlabs) {
    this.#slabs = slabs;
  }

  reset(): void {
    this.#small = null;
    this.#bytes = EMPTY;
    this.#length = 0;
  }

  /**
   * Copies a piece.
   * @param expected bytes that are still to come after this piece; 0 when it is the last, -1 where that is not known
   * @returns false when the body would be over {@link MAX_BODY_BYTES}
   */
  add(buffer: Buffer, from: number, to: number, expected: number): boolean {
    const length = this.#length + to - from;
    if (expected === 0 && length <= SMALL_BYTES && this.#length === 0) {
      this.#small = this.#slabs.keep(buffer, from, to);
      return true;
    }
    if (length > MAX_BODY_BYTES) return false;
    if (length > this.#bytes.length) this.#grow(length, expected);
    buffer.copy(this.#bytes, this.#length, from, to);
    this.#length = length;
    return true;
  }

  #grow(length: number, expected: number): void {
    const room = expected === -1 && this.#length === 0 ? length : Math.max(FIRST_BYTES, length * 2);
    const whole = expected >= 0 ? length + expected : Number.POSITIVE_INFINITY;
    const grown = Buffer.allocUnsafe(Math.min(room, whole));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }

  /** Hands the body over and starts afresh. */
  take(): Body {
    const small = this.#small;
    if (small !== null) {
      this.#small = null;
      return small;
    }
    if (this.#length === 0) return NO_BODY;
    const body = new Body(this.#bytes, 0, this.#length);
    this.reset();
    return body;
  }
}
