import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Deadlines } from './deadlines.js';
import { CAUSES, causeOf, type ErrorCause } from './error-codes.js';
import type { Exchange, Outgoing } from './exchange.js';
import { ResponseParser } from './response-parser.js';

/** Where a connection goes. */
export interface Origin {
  readonly key: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** The address to dial in the host's place (`options.hosts`). */
  readonly address: string;
}

/** What all connections of a worker share. */
export interface ConnectionShared {
  readonly deadlines: Deadlines;
  readonly insecureSkipTLSVerify: boolean;
  /** TLS sessions by origin, so that later handshakes are short. */
  readonly sessions: Map<string, Buffer>;
}

/** One buffer for the reads of all sockets: what a parser keeps it copies before the callback returns. */
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1_024);

const us = (ms: number): number => (ms > 0 ? Math.round(ms * 1_000) : 0);

/**
 * A connection to one origin with at most one exchange at a time. It dials when it is first used, stays open while the
 * peer allows it, and dials anew after that. An exchange always ends: with an answer or with exactly one cause.
 */
export class Connection {
  readonly origin: Origin;
  readonly #shared: ConnectionShared;
  readonly #parser = new ResponseParser();
  #socket: Socket | null = null;
  #ready = false;
  #out: Outgoing | null = null;
  #done: ((exchange: Exchange) => void) | null = null;
  #startedMs = 0;
  #connectedMs = 0;
  #tcpMs = 0;
  #writtenMs = 0;
  #firstByteMs = 0;
  #received = 0;
  #sentBytes = 0;
  #remoteIp = '';
  /** Milliseconds of `performance.now()`; read by the deadlines' sweep. */
  deadlineMs = Number.POSITIVE_INFINITY;

  constructor(origin: Origin, shared: ConnectionShared) {
    this.origin = origin;
    this.#shared = shared;
    shared.deadlines.add(this);
  }

  get busy(): boolean {
    return this.#done !== null;
  }
  get open(): boolean {
    return this.#ready;
  }

  /** Sends a request and resolves with how it went; never rejects. The connection must not be busy. */
  exchange(out: Outgoing): Promise<Exchange> {
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#out = out;
      this.#startedMs = performance.now();
      this.deadlineMs = this.#startedMs + out.timeoutMs;
      this.#connectedMs = 0;
      this.#tcpMs = 0;
      this.#writtenMs = 0;
      this.#firstByteMs = 0;
      this.#received = 0;
      this.#sentBytes = 0;
      this.#parser.begin(out.isHead, out.keepBody);
      if (this.#ready) this.#write();
      else this.#dial();
    });
  }

  #dial(): void {
    const { origin } = this;
    const onread = { buffer: READ_BUFFER, callback: (count: number) => this.#read(READ_BUFFER.subarray(0, count)) };
    const tcp = { host: origin.address, port: origin.port, noDelay: true };
    const socket = origin.tls ? this.#dialTls(tcp) : connectTcp({ ...tcp, onread });
    this.#socket = socket;
    socket.on('error', (error: NodeJS.ErrnoException) => this.#fault(socket, error));
    socket.on('end', () => this.#ended(socket));
    socket.on('close', () => this.#ended(socket));
    socket.once('connect', () => {
      if (this.#socket !== socket) return;
      this.#tcpMs = performance.now();
      if (!origin.tls) this.#connected();
    });
  }

  #dialTls(tcp: { host: string; port: number; noDelay: boolean }): TLSSocket {
    const { origin } = this;
    const session = this.#shared.sessions.get(origin.key);
    const socket = connectTls({
      ...tcp,
      ...(/^[\d.]+$|:/.test(origin.host) ? {} : { servername: origin.host }),
      rejectUnauthorized: !this.#shared.insecureSkipTLSVerify,
      ALPNProtocols: ['http/1.1'],
      ...(session === undefined ? {} : { session }),
    });
    socket.on('session', (made) => this.#shared.sessions.set(origin.key, made));
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.once('secureConnect', () => {
      if (this.#socket === socket) this.#connected();
    });
    return socket;
  }

  #connected(): void {
    this.#ready = true;
    this.#connectedMs = performance.now();
    this.#remoteIp = this.#socket?.remoteAddress ?? '';
    if (this.#out !== null) this.#write();
  }

  #write(): void {
    const socket = this.#socket;
    const out = this.#out;
    if (socket === null || out === null) return;
    this.#sentBytes = out.head.length;
    if (out.body === null) socket.write(out.head, 'latin1');
    else {
      this.#sentBytes += typeof out.body === 'string' ? Buffer.byteLength(out.body) : out.body.byteLength;
      socket.cork();
      socket.write(out.head, 'latin1');
      socket.write(out.body);
      socket.uncork();
    }
    this.#writtenMs = performance.now();
    if (socket.writableLength > 0) {
      this.#writtenMs = 0;
      socket.write('', () => {
        if (this.#out === out) this.#writtenMs = performance.now();
      });
    }
  }

  #read(chunk: Buffer): boolean {
    if (this.#done === null) {
      // Bytes that nobody asked for: the next answer could not be told from them.
      this.#drop();
      return true;
    }
    if (this.#firstByteMs === 0) this.#firstByteMs = performance.now();
    this.#received += chunk.length;
    const used = this.#parser.push(chunk);
    if (this.#parser.failure !== null) this.#end(this.#parser.failure, '');
    else if (this.#parser.done) {
      const garbage = used < chunk.length;
      const reusable = this.#parser.keepAlive && !garbage && this.#writtenMs !== 0;
      if (!reusable) this.#drop();
      this.#end(null, '');
    }
    return true;
  }

  #ended(socket: Socket): void {
    if (this.#socket !== socket) return;
    const wasReady = this.#ready;
    this.#drop();
    if (this.#done === null) return;
    if (!wasReady) {
      this.#end(this.#tcpMs > 0 && this.origin.tls ? CAUSES.tls : CAUSES.dial, 'closed while connecting');
      return;
    }
    this.#parser.finish();
    this.#end(this.#parser.failure, '');
  }

  #fault(socket: Socket, error: NodeJS.ErrnoException): void {
    if (this.#socket !== socket) return;
    const connected = this.#ready;
    const handshaking = !connected && this.#tcpMs > 0;
    this.#drop();
    if (this.#done === null) return;
    const found = causeOf(error, connected);
    this.#end(handshaking && found === CAUSES.dial ? CAUSES.tls : found, error.message);
  }

  /** Ends the exchange that goes on, if one does, by this cause, and closes. */
  abort(cause: ErrorCause): void {
    const dialing = !this.#ready;
    this.#drop();
    if (this.#done !== null) this.#end(cause === CAUSES.timeout && dialing ? CAUSES.dialTimeout : cause, '');
  }

  /** Closes; the next exchange dials anew. */
  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#ready = false;
    socket?.destroy();
  }

  /** Closes for good. */
  close(): void {
    this.abort(CAUSES.interrupted);
    this.#shared.deadlines.delete(this);
  }

  #end(cause: ErrorCause | null, detail: string): void {
    const done = this.#done;
    const keepBody = this.#out?.keepBody ?? false;
    if (done === null) return;
    const endedMs = performance.now();
    const parser = this.#parser;
    const sendFromMs = this.#connectedMs > 0 ? this.#connectedMs : this.#startedMs;
    const sent = this.#writtenMs > 0;
    const sentMs = sent ? this.#writtenMs : endedMs;
    const firstMs = this.#firstByteMs > 0 ? this.#firstByteMs : endedMs;
    const dialed = this.#connectedMs > 0 || this.#sentBytes === 0;
    const sendingUs = this.#sentBytes > 0 ? us(sentMs - sendFromMs) : 0;
    const waitingUs = sent ? us(firstMs - sentMs) : 0;
    const receivingUs = this.#firstByteMs > 0 ? us(endedMs - firstMs) : 0;
    this.#done = null;
    this.#out = null;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    if (cause !== null) this.#drop();
    done({
      startedMs: this.#startedMs,
      endedMs,
      blockedUs: dialed ? us((this.#connectedMs || endedMs) - this.#startedMs) : 0,
      connectingUs: dialed && this.#tcpMs > 0 ? us(this.#tcpMs - this.#startedMs) : 0,
      tlsUs: this.origin.tls && this.#tcpMs > 0 && this.#connectedMs > 0 ? us(this.#connectedMs - this.#tcpMs) : 0,
      sendingUs,
      waitingUs,
      receivingUs,
      durationUs: sendingUs + waitingUs + receivingUs,
      bytesSent: this.#sentBytes,
      bytesReceived: this.#received,
      sent,
      answered: cause === null,
      cause,
      detail,
      status: cause === null ? parser.status : 0,
      minor: parser.minor,
      head: parser.head,
      body: cause === null && keepBody ? parser.body() : null,
      encoded: parser.encoded,
      hasCookies: parser.hasCookies,
      remoteIp: this.#remoteIp,
      remotePort: this.origin.port,
    });
  }
}
