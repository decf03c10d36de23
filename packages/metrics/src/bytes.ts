/** A size of a signed number that zigzag keeps within the numbers a double holds exactly. */
const SMALL = 2 ** 51;
/** 8 bytes of 7 bits are more than the 53 that a natural may have. */
const MAX_NATURAL_BYTES = 8;
/** The sum of 2^53 values of 63 bits has 116 bits; with the sign, 17 bytes of 7. */
const MAX_SIGNED_BYTES = 17;

/** Writes variable-length integers (7 bits a byte, low bits first) into a growing buffer. */
export class ByteWriter {
  #buffer = new Uint8Array(256);
  #length = 0;

  byte(value: number): void {
    if (this.#length === this.#buffer.length) {
      const grown = new Uint8Array(this.#length * 2);
      grown.set(this.#buffer);
      this.#buffer = grown;
    }
    this.#buffer[this.#length] = value;
    this.#length += 1;
  }

  /** A whole number from 0 to 2^53. */
  natural(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  /** Any whole number, zigzag: small sizes of both signs are short. */
  signed(value: bigint): void {
    const small = Number(value);
    if (small > -SMALL && small < SMALL) {
      this.natural(small < 0 ? -small * 2 - 1 : small * 2);
      return;
    }
    let rest = value < 0n ? -value * 2n - 1n : value * 2n;
    while (rest >= 0x80n) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.byte(Number(rest));
  }

  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }
}

/**
 * Reads what {@link ByteWriter} wrote, and nothing else: each number has one way to be written. Every method throws a
 * RangeError when the bytes end or make no sense.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw new RangeError('the bytes end too early');
    this.#at += 1;
    return value;
  }

  natural(): number {
    let value = 0;
    let scale = 1;
    for (let read = 1; read <= MAX_NATURAL_BYTES; read += 1) {
      const next = this.byte();
      value += (next & 0x7f) * scale;
      if (next < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        if (next === 0 && read > 1) throw new RangeError('a number is written longer than it is');
        return value;
      }
      scale *= 0x80;
    }
    throw new RangeError('a number is too large');
  }

  signed(): bigint {
    let value = 0n;
    for (let read = 0; read < MAX_SIGNED_BYTES; read += 1) {
      const next = this.byte();
      value |= BigInt(next & 0x7f) << BigInt(read * 7);
      if (next < 0x80) {
        if (next === 0 && read > 0) throw new RangeError('a number is written longer than it is');
        return value & 1n ? -(value + 1n) / 2n : value / 2n;
      }
    }
    throw new RangeError('a number is too large');
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw new RangeError('bytes are left over');
  }
}
