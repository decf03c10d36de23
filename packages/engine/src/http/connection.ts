import type { OnReadOpts, Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { createSecureContext } from 'node:tls';
import type { Deadlines, Timed } from './deadlines.js';
import { dial, type TlsSettings } from './dial.js';
import { DirectWriter, descriptorOf, isOpen, ONE_WRITE_BYTES } from './direct-write.js';
import { CAUSES, causeOf, type ErrorCause, type Stage, timeoutCause } from './error-codes.js';
import { EndedExchange, type ExchangeSink, type Outgoing } from './exchange.js';
import type { HeadMemo } from './head-memo.js';
import type { Origin } from './origin.js';
import type { Resolver } from './resolver.js';
import { ResponseParser } from './response-parser.js';
import type { Writer, WriteTurn } from './write-turn.js';

/** What all connections of a worker share. */
export interface ConnectionShared {
  readonly deadlines: Deadlines;
  readonly writes: WriteTurn;
  readonly resolver: Resolver;
  readonly tls: () => TlsSettings;
}

/** @param ca certificates that are trusted beside the system's; for targets with an authority of their own */
export const tlsSettings = (insecureSkipTLSVerify: boolean, ca?: string): (() => TlsSettings) => {
  let made: TlsSettings | undefined;
  return () => {
    made ??= { context: createSecureContext(ca === undefined ? {} : { ca }), verify: !insecureSkipTLSVerify };
    return made;
  };
};

/**
 * One buffer for the reads of all connections: each is told of its bytes before the next socket is read, and what it
 * keeps of them it copies.
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1_024);
const DIRECT = new DirectWriter();

const us = (ms: number): number => (ms > 0 ? Math.round(ms * 1_000) : 0);

/**
 * A connection to one origin with at most one exchange at a time. It dials when it is first used, stays open while the
 * peer allows it, and dials anew after that. An exchange always ends: with an answer or with exactly one cause. A request
 * that was written on a connection which the peer then closes is never written a second time.
 */
export class Connection implements Timed, Writer {
  readonly origin: Origin;
  deadlineMs = Number.POSITIVE_INFINITY;
  /** A pool keeps it; one that no pool keeps is closed after its exchange. */
  pooled = false;
  readonly #shared: ConnectionShared;
  readonly #parser = new ResponseParser();
  readonly #onWritten = (): void => {
    if (Number.isNaN(this.#writtenMs) && this.#sentBytes > 0) this.#noteWritten(performance.now());
  };
  #socket: Socket | null = null;
  /** Of the open socket; -1 where only its stream can be written to. */
  #descriptor = -1;
  #stage: Stage = 'resolving';
  #out: Outgoing | null = null;
  #sink: ExchangeSink | null = null;
  #reused = false;
  /** On an open connection a request waits for the end of this turn of the event loop: nothing of it is written yet. */
  #queued = false;
  /** Counts dials, so that a lookup that comes too late leads nowhere. */
  #attempt = 0;
  #remoteIp = '';
  #received = 0;
  #sentBytes = 0;
  // Instants in milliseconds of `performance.now()`; NaN where it has not come to that.
  #startedMs = Number.NaN;
  #resolvedMs = Number.NaN;
  #dialedMs = Number.NaN;
  #connectedMs = Number.NaN;
  #openMs = Number.NaN;
  #writtenMs = Number.NaN;
  #firstByteMs = Number.NaN;

  constructor(origin: Origin, shared: ConnectionShared) {
    this.origin = origin;
    this.#shared = shared;
    shared.deadlines.add(this);
  }

  get busy(): boolean {
    return this.#sink !== null;
  }
  /** Another exchange can be sent without dialing. */
  get open(): boolean {
    return this.#stage === 'open' && this.#socket !== null;
  }

  /** Sends a request; `sink` is told once how it went. The connection must not be busy. */
  send(out: Outgoing, memo: HeadMemo | null, sink: ExchangeSink): void {
    this.#sink = sink;
    this.#out = out;
    this.#writtenMs = Number.NaN;
    this.#firstByteMs = Number.NaN;
    this.#received = 0;
    this.#sentBytes = 0;
    this.#parser.begin(out.isHead, out.keepBody, memo);
    this.#reused = this.open;
    this.#queued = this.#reused;
    if (this.#queued) this.#shared.writes.add(this);
    else this.#begin(performance.now());
  }

  /** Begins an exchange that has to dial first. */
  #begin(nowMs: number): void {
    const { timeoutMs } = this.#out as Outgoing;
    this.#startedMs = nowMs;
    this.deadlineMs = nowMs + timeoutMs;
    this.#resolve();
  }

  /** Begins an exchange on an open connection: its request is written now. */
  writeNow(nowMs: number): number {
    const out = this.#out;
    if (!this.#queued || out === null) return nowMs;
    this.#queued = false;
    this.#startedMs = nowMs;
    this.deadlineMs = nowMs + out.timeoutMs;
    return this.#write();
  }

  /** The connection was lost before anything of the request was written: it is as if it had not been open. */
  #dialAnew(): void {
    this.#queued = false;
    this.#reused = false;
    this.#begin(performance.now());
  }

  #resolve(): void {
    const { origin } = this;
    this.#stage = 'resolving';
    this.#resolvedMs = Number.NaN;
    this.#dialedMs = Number.NaN;
    this.#connectedMs = Number.NaN;
    this.#openMs = Number.NaN;
    this.#attempt += 1;
    const attempt = this.#attempt;
    if (origin.literal) {
      this.#dial([origin.dialHost], 0);
      return;
    }
    const known = this.#shared.resolver.known(origin.dialHost);
    if (known !== null) {
      this.#dial(known, 0);
      return;
    }
    this.#shared.resolver.resolve(origin.dialHost).then(
      (addresses) => {
        if (attempt !== this.#attempt || this.#sink === null) return;
        this.#resolvedMs = performance.now();
        this.#dial(addresses, 0);
      },
      (error: NodeJS.ErrnoException) => {
        if (attempt === this.#attempt) this.#end(causeOf(error, 'resolving'), error.message);
      },
    );
  }

  /** Tries one address after the other until one takes the connection. */
  #dial(addresses: readonly string[], index: number): void {
    const address = addresses[index] ?? '';
    this.#stage = 'dialing';
    this.#remoteIp = address;
    this.#dialedMs = performance.now();
    const onread: OnReadOpts = { buffer: READ_BUFFER, callback: (count) => this.#read(socket, count) };
    const socket = dial(this.origin, address, onread, this.#shared.tls);
    this.#socket = socket;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (this.#socket !== socket) return;
      if (this.#stage === 'dialing' && index + 1 < addresses.length) this.#dial(addresses, index + 1);
      else this.#fail(error);
    });
    socket.on('end', () => this.#closed(socket));
    socket.on('close', () => this.#closed(socket));
    socket.once('connect', () => this.#connected(socket));
    if (this.origin.tls) socket.once('secureConnect', () => this.#opened(socket));
  }

  #connected(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#connectedMs = performance.now();
    socket.setNoDelay(true);
    if (this.origin.tls) this.#stage = 'handshaking';
    else this.#opened(socket);
  }

  #opened(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#stage = 'open';
    this.#descriptor = this.origin.tls ? -1 : descriptorOf(socket);
    this.#openMs = this.origin.tls ? performance.now() : this.#connectedMs;
    this.#write();
  }

  /** @returns the instant after it */
  #write(): number {
    const socket = this.#socket;
    const out = this.#out;
    if (socket === null || out === null) return performance.now();
    const { head, body } = out;
    this.#sentBytes = body === null ? head.length : head.length + body.byteLength;
    if (this.#descriptor >= 0 && this.#sentBytes <= ONE_WRITE_BYTES && isOpen(socket))
      return this.#writeDirectly(socket, head, body);
    if (body === null) socket.write(head, 'latin1', this.#onWritten);
    else this.#writeWithBody(socket, head, body);
    return this.#noteWritten(performance.now());
  }

  /** Its stream holds nothing: an exchange before this one would not have been followed by another. */
  #writeDirectly(socket: Socket, head: string, body: Uint8Array | null): number {
    const took = DIRECT.write(this.#descriptor, head, body);
    const nowMs = performance.now();
    if (took === this.#sentBytes) {
      this.#writtenMs = nowMs;
      return nowMs;
    }
    if (typeof took === 'number') socket.write(DIRECT.rest(took, this.#sentBytes), this.#onWritten);
    else socket.destroy(took);
    return this.#noteWritten(nowMs);
  }

  /** What the kernel did not take at once lies in the socket's queue; the write's callback asks again. */
  #noteWritten(nowMs: number): number {
    const socket = this.#socket;
    if (socket !== null && socket.writableLength === 0 && socket.errored === null) this.#writtenMs = nowMs;
    return nowMs;
  }

  #writeWithBody(socket: Socket, head: string, body: Uint8Array): void {
    if (this.#sentBytes <= ONE_WRITE_BYTES) {
      const whole = Buffer.allocUnsafe(this.#sentBytes);
      whole.write(head, 'latin1');
      whole.set(body, head.length);
      socket.write(whole, this.#onWritten);
      return;
    }
    socket.cork();
    socket.write(head, 'latin1');
    socket.write(body, this.#onWritten);
    socket.uncork();
  }

  #read(socket: Socket, count: number): boolean {
    if (this.#socket !== socket) return true;
    if (this.#sink === null || this.#queued) {
      // Bytes that nobody asked for: the next answer could not be told from them.
      this.#drop();
      if (this.#queued) this.#dialAnew();
      return true;
    }
    const nowMs = performance.now();
    if (Number.isNaN(this.#firstByteMs)) this.#firstByteMs = nowMs;
    this.#received += count;
    const parser = this.#parser;
    const end = parser.push(READ_BUFFER, 0, count);
    if (parser.failure !== null) this.#end(parser.failure, '', nowMs);
    else if (parser.done) {
      const reusable =
        parser.keepAlive && end === count && this.#out?.close === false && !Number.isNaN(this.#writtenMs);
      if (!reusable) this.#drop();
      this.#end(null, '', nowMs);
    }
    return true;
  }

  #closed(socket: Socket): void {
    if (this.#socket !== socket) return;
    const stage = this.#stage;
    this.#drop();
    if (this.#sink === null) return;
    if (this.#queued) {
      this.#dialAnew();
      return;
    }
    if (stage !== 'open') {
      this.#end(stage === 'handshaking' ? CAUSES.tls : CAUSES.dial, 'the peer closed');
      return;
    }
    this.#parser.finish();
    this.#end(this.#parser.failure, '');
  }

  #fail(error: NodeJS.ErrnoException): void {
    const stage = this.#stage;
    this.#drop();
    if (this.#queued) this.#dialAnew();
    else if (this.#sink !== null) this.#end(causeOf(error, stage), error.message);
  }

  /** The time is over. */
  expire(): void {
    this.abort(timeoutCause(this.#stage));
  }

  /** Ends the exchange under way, if there is one, by this cause, and closes. */
  abort(cause: ErrorCause): void {
    this.#drop();
    if (this.#sink !== null) this.#end(cause, '');
  }

  /** Closes for good. */
  close(): void {
    this.abort(CAUSES.interrupted);
    this.#shared.deadlines.delete(this);
  }

  /** Closes; the next exchange dials anew. */
  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#descriptor = -1;
    this.#attempt += 1;
    socket?.destroy();
  }

  #end(cause: ErrorCause | null, detail: string, endedMs = performance.now()): void {
    const sink = this.#sink;
    const out = this.#out;
    if (sink === null || out === null) return;
    if (cause !== null) this.#drop();
    if (this.#queued) {
      this.#queued = false;
      this.#startedMs = endedMs;
    }
    const parser = this.#parser;
    const head = cause === null ? parser.head : null;
    const written = !Number.isNaN(this.#writtenMs);
    const writtenMs = written ? this.#writtenMs : endedMs;
    const begun = this.#received > 0;
    const sendFromMs = this.#reused ? this.#startedMs : this.#openMs;
    const sendingUs = this.#sentBytes > 0 ? us(writtenMs - sendFromMs) : 0;
    const waitingUs = written ? us((begun ? this.#firstByteMs : endedMs) - writtenMs) : 0;
    const receivingUs = begun ? us(endedMs - this.#firstByteMs) : 0;
    this.#sink = null;
    this.#out = null;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    const exchange = new EndedExchange(this.#startedMs, endedMs);
    exchange.reused = this.#reused;
    if (!exchange.reused) this.#noteDial(exchange);
    exchange.sendingUs = sendingUs;
    exchange.waitingUs = waitingUs;
    exchange.receivingUs = receivingUs;
    exchange.durationUs = sendingUs + waitingUs + receivingUs;
    exchange.bytesSent = this.#sentBytes;
    exchange.bytesReceived = this.#received;
    exchange.sent = written || cause === null;
    exchange.answered = cause === null;
    exchange.cause = cause;
    exchange.detail = detail;
    if (head !== null) {
      exchange.head = head;
      exchange.status = head.status;
      exchange.minor = head.minor;
    }
    if (cause === null && out.keepBody) exchange.body = parser.takeBody();
    exchange.remoteIp = this.#remoteIp;
    exchange.remotePort = this.origin.dialPort;
    sink.ended(exchange);
  }

  /** What it took until there was a connection. */
  #noteDial(exchange: EndedExchange): void {
    const { startedMs, endedMs } = exchange;
    exchange.blockedUs = us((this.#openMs || endedMs) - startedMs);
    exchange.dnsUs = us((this.#stage === 'resolving' ? endedMs : this.#resolvedMs) - startedMs);
    exchange.connectingUs = us(this.#connectedMs - this.#dialedMs);
    exchange.tlsUs = us(this.#openMs - this.#connectedMs);
  }
}
