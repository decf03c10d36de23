import { CAUSES, type ErrorCause } from './error-codes.js';
import type { Framing, HeadFacts } from './response-head.js';

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;
const COMMA = 0x2c;
const ZERO = 0x30;

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const HTTP_1 = bytes('HTTP/1.');
const CONTENT_LENGTH = bytes('content-length');
const CONTENT_ENCODING = bytes('content-encoding');
const TRANSFER_ENCODING = bytes('transfer-encoding');
const CONNECTION = bytes('connection');
const SET_COOKIE = bytes('set-cookie');

/** Digits of a `Content-Length`: more would not be exact. */
const MAX_LENGTH_DIGITS = 15;

/**
 * Reads a status line and header fields byte by byte and remembers where it stopped, so that a head may come in pieces
 * of any size and no byte is looked at twice. Only what decides about the rest is taken in; the text stays as it is.
 * A line may end in a bare LF, as recipients may allow (RFC 9112, section 2.2).
 */
export class HeadReader implements HeadFacts {
  status = 0;
  minor = 1;
  length = 0;
  encoded = false;
  hasCookies = false;
  failure: ErrorCause | null = null;
  #hasLength = false;
  #chunked = false;
  #otherCoding = false;
  #close = false;
  #keep = false;
  /** Where the current line begins and where the search for its end goes on, from the head's first byte. */
  #line = 0;
  #scan = 0;
  #fields = 0;
  /** The last field decides about framing: it must not go on in another line. */
  #framed = false;

  reset(): void {
    this.status = 0;
    this.minor = 1;
    this.length = 0;
    this.encoded = false;
    this.hasCookies = false;
    this.failure = null;
    this.#hasLength = false;
    this.#chunked = false;
    this.#otherCoding = false;
    this.#close = false;
    this.#keep = false;
    this.#line = 0;
    this.#scan = 0;
    this.#fields = 0;
    this.#framed = false;
  }

  get framing(): Framing {
    if (this.#chunked) return 'chunked';
    return this.#hasLength && !this.#otherCoding ? 'length' : 'close';
  }
  get keepAlive(): boolean {
    // Both kinds of length at once is how requests are smuggled: such a connection is not trusted again.
    if (this.#close || this.#otherCoding || (this.#chunked && this.#hasLength)) return false;
    return this.minor >= 1 || this.#keep;
  }

  /**
   * Goes on with a head that begins at `base` and is there up to `end`.
   * @returns its length in bytes with the empty line, or 0 when it is not whole yet or {@link failure} is set.
   */
  read(buffer: Uint8Array, base: number, end: number): number {
    let at = base + this.#scan;
    while (at < end) {
      const byte = buffer[at] as number;
      if (byte > CR) {
        at += 1;
        continue;
      }
      if (byte === LF) {
        const from = base + this.#line;
        const to = at > from && buffer[at - 1] === CR ? at - 1 : at;
        at += 1;
        if (to === from && this.#line > 0) return at - base;
        if (!this.#take(buffer, from, to)) return 0;
        this.#line = at - base;
      } else if (byte === CR && at + 1 === end) break;
      else if (byte === 0 || (byte === CR && buffer[at + 1] !== LF)) {
        this.failure = this.#line === 0 ? CAUSES.badStatusLine : CAUSES.badHeader;
        return 0;
      } else at += 1;
    }
    this.#scan = at - base;
    // Nonsense is told at once and not waited out.
    if (this.#line === 0 && !beginsLike(buffer, base, end)) this.failure = CAUSES.badStatusLine;
    return 0;
  }

  #take(buffer: Uint8Array, from: number, to: number): boolean {
    this.failure = this.#line === 0 ? this.#statusLine(buffer, from, to) : this.#field(buffer, from, to);
    return this.failure === null;
  }

  /** `HTTP/1.1 200 OK` (RFC 9112, section 4); the reason may be missing. */
  #statusLine(buffer: Uint8Array, from: number, to: number): ErrorCause | null {
    if (to - from < 12 || !beginsLike(buffer, from, to)) return CAUSES.badStatusLine;
    const minor = (buffer[from + 7] as number) - ZERO;
    const a = (buffer[from + 9] as number) - ZERO;
    const b = (buffer[from + 10] as number) - ZERO;
    const c = (buffer[from + 11] as number) - ZERO;
    const digits = minor >= 0 && minor <= 9 && a >= 1 && a <= 9 && b >= 0 && b <= 9 && c >= 0 && c <= 9;
    const spaced = buffer[from + 8] === SPACE && (to - from === 12 || buffer[from + 12] === SPACE);
    if (!digits || !spaced) return CAUSES.badStatusLine;
    this.minor = minor;
    this.status = a * 100 + b * 10 + c;
    return null;
  }

  #field(buffer: Uint8Array, from: number, to: number): ErrorCause | null {
    const first = buffer[from] as number;
    if (first === SPACE || first === TAB) return this.#fields === 0 || this.#framed ? CAUSES.badHeader : null;
    let colon = from;
    while (colon < to && buffer[colon] !== COLON) {
      if ((buffer[colon] as number) <= SPACE) return CAUSES.badHeader;
      colon += 1;
    }
    if (colon === from || colon === to) return CAUSES.badHeader;
    this.#fields += 1;
    this.#framed = false;
    switch (colon - from) {
      case 10:
        if (isName(buffer, from, CONNECTION)) this.#connection(buffer, colon + 1, to);
        else if (isName(buffer, from, SET_COOKIE)) this.hasCookies = true;
        return null;
      case 14:
        return isName(buffer, from, CONTENT_LENGTH) ? this.#contentLength(buffer, colon + 1, to) : null;
      case 16:
        if (isName(buffer, from, CONTENT_ENCODING)) this.encoded = true;
        return null;
      case 17:
        if (isName(buffer, from, TRANSFER_ENCODING)) this.#transferEncoding(buffer, colon + 1, to);
        return null;
      default:
        return null;
    }
  }

  #contentLength(buffer: Uint8Array, from: number, to: number): ErrorCause | null {
    let at = from;
    let end = to;
    while (at < end && isBlank(buffer[at] as number)) at += 1;
    while (end > at && isBlank(buffer[end - 1] as number)) end -= 1;
    if (at === end || end - at > MAX_LENGTH_DIGITS) return CAUSES.badLength;
    let length = 0;
    for (; at < end; at += 1) {
      const digit = (buffer[at] as number) - ZERO;
      if (digit < 0 || digit > 9) return CAUSES.badLength;
      length = length * 10 + digit;
    }
    if (this.#hasLength && length !== this.length) return CAUSES.badLength;
    this.#hasLength = true;
    this.#framed = true;
    this.length = length;
    return null;
  }

  /** Whether the last coding is `chunked`; with any other the body lasts until the peer closes. */
  #transferEncoding(buffer: Uint8Array, from: number, to: number): void {
    this.#framed = true;
    for (const coding of tokens(buffer, from, to)) {
      this.#chunked = coding === 'chunked';
      this.#otherCoding = !this.#chunked && coding !== 'identity';
    }
  }

  #connection(buffer: Uint8Array, from: number, to: number): void {
    for (const token of tokens(buffer, from, to)) {
      if (token === 'close') this.#close = true;
      else if (token === 'keep-alive') this.#keep = true;
    }
  }
}

const isBlank = (byte: number): boolean => byte === SPACE || byte === TAB;

/** Whether the bytes so far are the beginning of `HTTP/1.`. */
const beginsLike = (buffer: Uint8Array, from: number, to: number): boolean => {
  const length = Math.min(HTTP_1.length, to - from);
  for (let n = 0; n < length; n += 1) if (buffer[from + n] !== HTTP_1[n]) return false;
  return true;
};

/** Compares without regard to case; the lengths are known to be equal. */
const isName = (buffer: Uint8Array, from: number, name: Uint8Array): boolean => {
  for (let n = 0; n < name.length; n += 1) if (((buffer[from + n] as number) | 0x20) !== name[n]) return false;
  return true;
};

/** The members of a comma-separated list, in lower case; parameters are left off. */
const tokens = (buffer: Uint8Array, from: number, to: number): string[] => {
  const found: string[] = [];
  let text = '';
  for (let at = from; at <= to; at += 1) {
    const byte = at < to ? (buffer[at] as number) : COMMA;
    if (byte === COMMA) {
      const token = (text.split(';', 1)[0] ?? '').trim().toLowerCase();
      if (token !== '') found.push(token);
      text = '';
    } else text += String.fromCharCode(byte);
  }
  return found;
};
