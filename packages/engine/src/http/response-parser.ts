import { type Body, BodyBuffer, BodySlabs } from './body-buffer.js';
import { ChunkReader } from './chunk-reader.js';
import { CAUSES, type ErrorCause } from './error-codes.js';
import type { HeadMemo } from './head-memo.js';
import { HeadReader } from './head-reader.js';
import { ResponseHead } from './response-head.js';

/** Of all heads of an answer together, interim ones included. */
const MAX_HEAD_BYTES = 64 * 1_024;
const FIRST_PENDING_BYTES = 1_024;
const EMPTY = Buffer.alloc(0);
const SLABS = new BodySlabs();

type State = 'head' | 'length' | 'close' | 'chunked' | 'done' | 'failed';

/**
 * Reads one HTTP/1.x answer from pieces of any size. The pieces may lie in a buffer that is used again: whatever is kept
 * is copied. One parser serves a connection for all its exchanges; {@link begin} makes it ready for the next.
 */
export class ResponseParser {
  failure: ErrorCause | null = null;
  /** Null until it is whole. */
  head: ResponseHead | null = null;
  readonly #reader = new HeadReader();
  readonly #body = new BodyBuffer(SLABS);
  #chunks: ChunkReader | null = null;
  #memo: HeadMemo | null = null;
  #state: State = 'head';
  /** Bytes of a body with a length that are still to come. */
  #left = 0;
  /** A head that is not whole yet. */
  #pending: Buffer = EMPTY;
  #pendingBytes = 0;
  #headBytes = 0;
  #begun = false;
  #keepBody = true;
  #headRequest = false;

  /** @param memo of the URL that is asked; null to parse every head */
  begin(headRequest: boolean, keepBody: boolean, memo: HeadMemo | null = null): void {
    if (this.#state !== 'done') {
      this.#reader.reset();
      this.#body.reset();
      this.#pending = EMPTY;
      this.#pendingBytes = 0;
    }
    this.failure = null;
    this.head = null;
    this.#memo = memo;
    this.#state = 'head';
    this.#headBytes = 0;
    this.#begun = false;
    this.#keepBody = keepBody;
    this.#headRequest = headRequest;
  }

  get done(): boolean {
    return this.#state === 'done';
  }
  /** The connection may serve another exchange. */
  get keepAlive(): boolean {
    return this.head?.keepAlive === true && (this.head.framing !== 'close' || this.#bodiless(this.head));
  }
  /** The body; empty when it is not kept. Given once. */
  takeBody(): Body {
    return this.#body.take();
  }

  /** Takes the piece between `from` and `to`. @returns where this answer ends in it; before `to` if garbage follows. */
  push(buffer: Buffer, from: number, to: number): number {
    this.#begun = true;
    let at = from;
    while (at < to) {
      switch (this.#state) {
        case 'head':
          at = this.#readHead(buffer, at, to);
          break;
        case 'length':
          at = this.#readLength(buffer, at, to);
          break;
        case 'chunked':
          at = this.#readChunks(buffer, at, to);
          break;
        case 'close':
          this.#keep(buffer, at, to, -1);
          at = to;
          break;
        default:
          return at;
      }
    }
    return at;
  }

  /** The peer has closed: that ends a body without length, and is a failure anywhere else. */
  finish(): void {
    if (this.#state === 'close') this.#state = 'done';
    else if (this.#state !== 'done' && this.#state !== 'failed')
      this.#fail(this.#begun ? CAUSES.truncated : CAUSES.closedUnanswered);
  }

  #fail(cause: ErrorCause): void {
    this.failure = cause;
    this.#state = 'failed';
    this.#body.reset();
    this.#pending = EMPTY;
  }

  #readHead(buffer: Buffer, from: number, to: number): number {
    if (this.#pendingBytes > 0) return this.#readPending(buffer, from, to);
    const known = this.#memo?.match(buffer, from, to) ?? null;
    if (known !== null && this.#memo !== null) {
      this.#headDone(known);
      return from + this.#memo.length;
    }
    const length = this.#reader.read(buffer, from, Math.min(to, from + MAX_HEAD_BYTES + 1));
    if (this.#headFailed(length === 0 ? to - from : length)) return to;
    if (length === 0) {
      this.#keepPending(buffer, from, to);
      return to;
    }
    const head = this.#endHead(buffer, from, length);
    if (head !== null) this.#memo?.learn(buffer, from, length, head);
    return from + length;
  }

  /** Goes on with a head whose beginning came in an earlier piece. */
  #readPending(buffer: Buffer, from: number, to: number): number {
    const before = this.#pendingBytes;
    const room = Math.min(to, from + MAX_HEAD_BYTES + 1 - before);
    this.#keepPending(buffer, from, room);
    const length = this.#reader.read(this.#pending, 0, this.#pendingBytes);
    if (this.#headFailed(length === 0 ? this.#pendingBytes : length)) return to;
    if (length === 0) return room;
    this.#endHead(this.#pending, 0, length);
    this.#pending = EMPTY;
    this.#pendingBytes = 0;
    return from + length - before;
  }

  #headFailed(bytes: number): boolean {
    if (this.#reader.failure !== null) this.#fail(this.#reader.failure);
    else if (this.#headBytes + bytes > MAX_HEAD_BYTES) this.#fail(CAUSES.headersTooLarge);
    return this.#state === 'failed';
  }

  #keepPending(buffer: Buffer, from: number, to: number): void {
    const needed = this.#pendingBytes + to - from;
    if (needed > this.#pending.length) {
      const grown = Buffer.allocUnsafe(Math.max(FIRST_PENDING_BYTES, needed * 2));
      this.#pending.copy(grown, 0, 0, this.#pendingBytes);
      this.#pending = grown;
    }
    buffer.copy(this.#pending, this.#pendingBytes, from, to);
    this.#pendingBytes = needed;
  }

  /** A head is whole. Null when it was not the answer's own: interim ones (1xx) are read over. */
  #endHead(buffer: Buffer, from: number, length: number): ResponseHead | null {
    const reader = this.#reader;
    this.#headBytes += length;
    if (reader.status >= 200) {
      const head = new ResponseHead(reader, buffer.toString('latin1', from, from + length).trimEnd());
      reader.reset();
      this.#headDone(head);
      return head;
    }
    if (reader.status === 101) this.#fail(CAUSES.unexpectedUpgrade);
    reader.reset();
    return null;
  }

  #bodiless(head: ResponseHead): boolean {
    return this.#headRequest || head.status === 204 || head.status === 304;
  }

  #headDone(head: ResponseHead): void {
    this.head = head;
    if (this.#bodiless(head)) this.#state = 'done';
    else if (head.framing === 'length') {
      this.#left = head.length;
      this.#state = head.length === 0 ? 'done' : 'length';
    } else if (head.framing === 'chunked') {
      this.#chunks ??= new ChunkReader();
      this.#chunks.reset();
      this.#state = 'chunked';
    } else this.#state = 'close';
  }

  #keep(buffer: Buffer, from: number, to: number, expected: number): void {
    if (this.#keepBody && !this.#body.add(buffer, from, to, expected)) this.#fail(CAUSES.bodyTooLarge);
  }

  #readLength(buffer: Buffer, from: number, to: number): number {
    const end = Math.min(to, from + this.#left);
    this.#left -= end - from;
    this.#keep(buffer, from, end, this.#left);
    if (this.#left === 0 && this.#state === 'length') this.#state = 'done';
    return end;
  }

  #readChunks(buffer: Buffer, from: number, to: number): number {
    const chunks = this.#chunks as ChunkReader;
    if (chunks.inData) {
      const end = Math.min(to, from + chunks.left);
      chunks.took(end - from);
      this.#keep(buffer, from, end, -1);
      return end;
    }
    const at = chunks.skip(buffer, from, to);
    if (chunks.bad) this.#fail(CAUSES.badChunk);
    else if (chunks.done) this.#state = 'done';
    return at;
  }
}
