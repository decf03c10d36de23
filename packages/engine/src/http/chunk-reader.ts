/** Bytes of a chunk's size line or of a trailer section, at most. */
const MAX_LINE_BYTES = 4_096;
const MAX_TRAILER_BYTES = 64 * 1_024;
const MAX_SIZE_DIGITS = 12;
const LF = 0x0a;
const CR = 0x0d;

type State = 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailer' | 'done' | 'bad';

/**
 * The framing of a chunked body (RFC 9112, section 7.1), byte by byte. Between two calls the reader is either inside
 * framing, which {@link skip} reads, or inside data, of which {@link left} bytes are still to come.
 */
export class ChunkReader {
  left = 0;
  #state: State = 'size';
  #digits = 0;
  #lineBytes = 0;
  #trailerBytes = 0;
  #trailerLine = 0;

  reset(): void {
    this.left = 0;
    this.#state = 'size';
    this.#digits = 0;
    this.#lineBytes = 0;
    this.#trailerBytes = 0;
    this.#trailerLine = 0;
  }

  get done(): boolean {
    return this.#state === 'done';
  }
  get bad(): boolean {
    return this.#state === 'bad';
  }
  get inData(): boolean {
    return this.#state === 'data';
  }

  /** Data of the current chunk was taken. */
  took(count: number): void {
    this.left -= count;
    if (this.left === 0) this.#state = 'data-cr';
  }

  /** Reads framing from `at` on. @returns where data begins, or the body has ended, or there is nothing more to read. */
  skip(buffer: Uint8Array, from: number, to: number): number {
    let at = from;
    while (at < to && this.#state !== 'data' && this.#state !== 'done' && this.#state !== 'bad') {
      this.#next(buffer[at] as number);
      at += 1;
    }
    return at;
  }

  #next(byte: number): void {
    switch (this.#state) {
      case 'size':
        this.#size(byte);
        return;
      case 'extension':
        this.#line(byte);
        return;
      case 'size-lf':
        if (byte === LF) this.#sized();
        else this.#state = 'bad';
        return;
      case 'data-cr':
        this.#state = byte === CR ? 'data-lf' : 'bad';
        return;
      case 'data-lf':
        this.#state = byte === LF ? 'size' : 'bad';
        this.#digits = 0;
        this.#lineBytes = 0;
        return;
      default:
        this.#trailer(byte);
    }
  }

  #size(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#digits += 1;
      this.left = this.left * 16 + digit;
      if (this.#digits > MAX_SIZE_DIGITS) this.#state = 'bad';
    } else if (this.#digits === 0) this.#state = 'bad';
    else if (byte === CR || byte === LF || byte === 0x3b || byte === 0x20 || byte === 0x09) this.#line(byte);
    else this.#state = 'bad';
  }

  /** The rest of the size's line; what stands in an extension is nobody's business. */
  #line(byte: number): void {
    this.#lineBytes += 1;
    if (byte === LF) this.#sized();
    else if (byte === CR) this.#state = 'size-lf';
    else this.#state = this.#lineBytes > MAX_LINE_BYTES ? 'bad' : 'extension';
  }

  #sized(): void {
    this.#state = this.left === 0 ? 'trailer' : 'data';
    this.#trailerLine = 0;
  }

  /** Fields after the last chunk are read over; an empty line ends them. */
  #trailer(byte: number): void {
    this.#trailerBytes += 1;
    if (byte === LF) {
      if (this.#trailerLine === 0) this.#state = 'done';
      this.#trailerLine = 0;
    } else if (byte !== CR) this.#trailerLine += 1;
    if (this.#trailerBytes > MAX_TRAILER_BYTES) this.#state = 'bad';
  }
}

const hexDigit = (byte: number): number => {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
};
