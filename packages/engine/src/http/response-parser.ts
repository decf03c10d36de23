import { CAUSES, type ErrorCause } from './error-codes.js';

const MAX_HEAD_BYTES = 64 * 1_024;
const MAX_BODY_BYTES = 64 * 1_024 * 1_024;
/** A chunk's size line, extensions included. */
const MAX_CHUNK_LINE = 1_024;
const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;

/** How the end of a body is found (RFC 9112, section 6.3). */
type Framing = 'none' | 'length' | 'chunked' | 'close';
type State = 'head' | 'body' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailers' | 'done' | 'failed';

/**
 * Reads one HTTP/1.x response from pieces of any size. The pieces may lie in a buffer that is reused: whatever is kept
 * is copied. One parser serves a connection for all its exchanges; {@link begin} makes it ready for the next.
 */
export class ResponseParser {
  status = 0;
  minor = 1;
  /** The head as it came, without its last empty line; parsed by name only when somebody asks. */
  head = '';
  keepAlive = true;
  encoded = false;
  hasCookies = false;
  failure: ErrorCause | null = null;
  /** True from the first byte of the answer on. */
  begun = false;
  #state: State = 'head';
  #framing: Framing = 'none';
  #left = 0;
  #bodyBytes = 0;
  #pending: Buffer | null = null;
  #body: Buffer[] = [];
  #keepBody = true;
  #headRequest = false;
  #trailerBytes = 0;

  begin(headRequest: boolean, keepBody: boolean): void {
    this.status = 0;
    this.head = '';
    this.keepAlive = true;
    this.encoded = false;
    this.hasCookies = false;
    this.failure = null;
    this.begun = false;
    this.#state = 'head';
    this.#left = 0;
    this.#bodyBytes = 0;
    this.#pending = null;
    if (this.#body.length > 0) this.#body = [];
    this.#keepBody = keepBody;
    this.#headRequest = headRequest;
    this.#trailerBytes = 0;
  }

  get done(): boolean {
    return this.#state === 'done';
  }
  /** The body so far; empty when it is not kept. */
  body(): Buffer {
    const [only] = this.#body;
    return this.#body.length === 1 && only !== undefined ? only : Buffer.concat(this.#body);
  }

  /** Takes a piece; the answer is how many of its bytes belonged to this response (fewer than given: garbage follows). */
  push(piece: Buffer): number {
    this.begun = true;
    let chunk = piece;
    let carried = 0;
    if (this.#pending !== null) {
      carried = this.#pending.length;
      chunk = Buffer.concat([this.#pending, piece]);
      this.#pending = null;
    }
    let at = 0;
    while (at < chunk.length && this.#state !== 'done' && this.#state !== 'failed') {
      const next = this.#step(chunk, at);
      if (next < 0) {
        // A line is not whole yet: keep what is there for the next piece.
        this.#pending = Buffer.from(chunk.subarray(at));
        return piece.length;
      }
      at = next;
    }
    return Math.max(0, at - carried);
  }

  /** The peer has closed: that ends a body without length, and is a failure anywhere else. */
  finish(): void {
    if (this.#state === 'body' && this.#framing === 'close') this.#state = 'done';
    else if (this.#state !== 'done' && this.#state !== 'failed')
      this.#fail(this.begun ? CAUSES.truncated : CAUSES.closedUnanswered);
  }

  #step(chunk: Buffer, at: number): number {
    switch (this.#state) {
      case 'head':
        return this.#readHead(chunk, at);
      case 'body':
        return this.#readBody(chunk, at);
      case 'chunk-size':
        return this.#readChunkSize(chunk, at);
      case 'chunk-data':
        return this.#readChunkData(chunk, at);
      case 'chunk-end':
        return this.#readChunkEnd(chunk, at);
      case 'trailers':
        return this.#readTrailer(chunk, at);
      default:
        return chunk.length;
    }
  }

  #fail(cause: ErrorCause): number {
    this.failure = cause;
    this.#state = 'failed';
    return Number.MAX_SAFE_INTEGER;
  }

  #readHead(chunk: Buffer, at: number): number {
    const end = chunk.indexOf('\r\n\r\n', at, 'latin1');
    if (end < 0) {
      if (chunk.length - at > MAX_HEAD_BYTES) return this.#fail(CAUSES.headersTooLarge);
      if (!couldBeStatusLine(chunk, at)) return this.#fail(CAUSES.badStatusLine);
      return -1;
    }
    if (end - at > MAX_HEAD_BYTES) return this.#fail(CAUSES.headersTooLarge);
    if (!this.#readStatusLine(chunk, at, end)) return this.#fail(CAUSES.badStatusLine);
    // 1xx is not the answer yet (101 would be, but nothing here asks for an upgrade).
    if (this.status >= 100 && this.status < 200) return end + 4;
    const cause = this.#readFields(chunk, at, end);
    if (cause !== null) return this.#fail(cause);
    this.head = chunk.toString('latin1', at, end);
    if (this.#framing === 'none' || (this.#framing === 'length' && this.#left === 0)) this.#state = 'done';
    else this.#state = this.#framing === 'chunked' ? 'chunk-size' : 'body';
    return end + 4;
  }

  /** `HTTP/1.1 200 OK` (RFC 9112, section 4); the reason may be missing. */
  #readStatusLine(chunk: Buffer, at: number, end: number): boolean {
    if (end - at < 12 || !couldBeStatusLine(chunk, at)) return false;
    const a = (chunk[at + 9] as number) - 0x30;
    const b = (chunk[at + 10] as number) - 0x30;
    const c = (chunk[at + 11] as number) - 0x30;
    const after = chunk[at + 12];
    if (
      chunk[at + 8] !== 0x20 ||
      a < 1 ||
      a > 9 ||
      b < 0 ||
      b > 9 ||
      c < 0 ||
      c > 9 ||
      (after !== 0x20 && after !== CR)
    )
      return false;
    this.minor = (chunk[at + 7] as number) - 0x30;
    this.status = a * 100 + b * 10 + c;
    return true;
  }

  /** Looks at the few fields that decide how the answer is read; the rest stays text. */
  #readFields(chunk: Buffer, at: number, end: number): ErrorCause | null {
    let length = -1;
    let chunked = false;
    this.keepAlive = this.minor >= 1;
    let line = chunk.indexOf(LF, at) + 1;
    while (line > 0 && line < end) {
      let stop = chunk.indexOf(LF, line);
      if (stop < 0 || stop > end) stop = end + 1;
      const first = (chunk[line] as number) | 0x20;
      const valueEnd = stop - 1;
      if (first === 0x63 || first === 0x74 || first === 0x73) {
        const colon = chunk.indexOf(COLON, line);
        if (colon < 0 || colon > valueEnd) return CAUSES.badHeader;
        const name = chunk.toString('latin1', line, colon).toLowerCase();
        const value = () => chunk.toString('latin1', colon + 1, valueEnd).trim();
        if (name === 'content-length') {
          const text = value();
          if (!/^\d{1,15}$/.test(text) || (length >= 0 && length !== Number(text))) return CAUSES.badLength;
          length = Number(text);
        } else if (name === 'transfer-encoding') chunked = /(^|,)\s*chunked\s*$/i.test(value());
        else if (name === 'connection') {
          const text = value().toLowerCase();
          if (text.includes('close')) this.keepAlive = false;
          else if (text.includes('keep-alive')) this.keepAlive = true;
        } else if (name === 'content-encoding') this.encoded = true;
        else if (name === 'set-cookie') this.hasCookies = true;
      } else if (!wellFormed(chunk, line, valueEnd)) return CAUSES.badHeader;
      line = stop + 1;
    }
    this.#frame(length, chunked);
    return null;
  }

  #frame(length: number, chunked: boolean): void {
    if (this.#headRequest || this.status === 204 || this.status === 304) this.#framing = 'none';
    else if (chunked) this.#framing = 'chunked';
    else if (length >= 0) {
      this.#framing = 'length';
      this.#left = length;
    } else {
      this.#framing = 'close';
      this.keepAlive = false;
    }
  }

  #take(chunk: Buffer, from: number, to: number): boolean {
    this.#bodyBytes += to - from;
    if (!this.#keepBody || to === from) return true;
    if (this.#bodyBytes > MAX_BODY_BYTES) return false;
    this.#body.push(Buffer.from(chunk.subarray(from, to)));
    return true;
  }

  #readBody(chunk: Buffer, at: number): number {
    const to = this.#framing === 'length' ? Math.min(chunk.length, at + this.#left) : chunk.length;
    if (!this.#take(chunk, at, to)) return this.#fail(CAUSES.bodyTooLarge);
    if (this.#framing === 'length') {
      this.#left -= to - at;
      if (this.#left === 0) this.#state = 'done';
    }
    return to;
  }

  #readChunkSize(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(LF, at);
    if (end < 0) return chunk.length - at > MAX_CHUNK_LINE ? this.#fail(CAUSES.badChunk) : -1;
    const text = chunk.toString('latin1', at, end);
    const found = /^([0-9a-fA-F]{1,12})[ \t]*(;[^\r]*)?\r$/.exec(text);
    if (found?.[1] === undefined) return this.#fail(CAUSES.badChunk);
    this.#left = Number.parseInt(found[1], 16);
    this.#state = this.#left === 0 ? 'trailers' : 'chunk-data';
    return end + 1;
  }

  #readChunkData(chunk: Buffer, at: number): number {
    const to = Math.min(chunk.length, at + this.#left);
    if (!this.#take(chunk, at, to)) return this.#fail(CAUSES.bodyTooLarge);
    this.#left -= to - at;
    if (this.#left === 0) this.#state = 'chunk-end';
    return to;
  }

  #readChunkEnd(chunk: Buffer, at: number): number {
    if (chunk[at] !== CR) return this.#fail(CAUSES.badChunk);
    if (at + 1 >= chunk.length) return -1;
    if (chunk[at + 1] !== LF) return this.#fail(CAUSES.badChunk);
    this.#state = 'chunk-size';
    return at + 2;
  }

  #readTrailer(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(LF, at);
    if (end < 0) return chunk.length - at > MAX_HEAD_BYTES ? this.#fail(CAUSES.headersTooLarge) : -1;
    this.#trailerBytes += end - at;
    if (this.#trailerBytes > MAX_HEAD_BYTES) return this.#fail(CAUSES.headersTooLarge);
    if (end === at || (end === at + 1 && chunk[at] === CR)) this.#state = 'done';
    return end + 1;
  }
}

const HTTP1 = Buffer.from('HTTP/1.');

/** Whether the bytes so far are the beginning of `HTTP/1.`, so that nonsense is told at once and not waited out. */
const couldBeStatusLine = (chunk: Buffer, at: number): boolean => {
  const length = Math.min(HTTP1.length, chunk.length - at);
  for (let n = 0; n < length; n += 1) if (chunk[at + n] !== HTTP1[n]) return false;
  return true;
};

/** A field has a name without spaces, and a colon. */
const wellFormed = (chunk: Buffer, from: number, to: number): boolean => {
  const colon = chunk.indexOf(COLON, from);
  if (colon <= from || colon > to) return false;
  for (let at = from; at < colon; at += 1) if ((chunk[at] as number) <= 0x20) return false;
  return true;
};

/** The fields of a head by canonical name; several of one name are joined, cookies are left out. */
export const parseFields = (
  head: string,
): { readonly headers: Record<string, string>; readonly cookies: readonly string[] } => {
  const headers: Record<string, string> = {};
  const cookies: string[] = [];
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    const name = canonical(line.slice(0, colon));
    const value = line.slice(colon + 1).trim();
    if (name === 'Set-Cookie') cookies.push(value);
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return { headers, cookies };
};

const canonical = (name: string): string =>
  name.toLowerCase().replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase());
