import type { Socket as TcpSocket } from 'node:net';
import type { WsEnd } from '@muster/script';
import { type ClientOptions, WebSocket as Wire } from 'ws';
import type { ConnectionShared } from '../http/connection.js';
import { CAUSES, causeOf, timeoutCause } from '../http/error-codes.js';
import type { TargetUrl } from '../http/target-url.js';
import { Dialing } from './dial-open.js';
import { failureText, frameFailure, handshakeFailure, type WsFailure } from './ws-failure.js';
import type { WsSinks } from './ws-sinks.js';

/** How a socket is to be opened. */
export interface WsPlan {
  readonly url: TargetUrl;
  /** `ws://…` or `wss://…`, without credentials. */
  readonly href: string;
  readonly protocols: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly compresses: boolean;
  /** For each try. */
  readonly timeoutMs: number;
  readonly retries: number;
  readonly retryDelayMs: number;
}

/** Who is told of it; nothing after `closed`, which comes once. */
export interface WsSink {
  opened(cookies: readonly string[]): void;
  message(data: Buffer, isBinary: boolean): void;
  pinged(): void;
  ponged(): void;
  /** It did not open, or broke; `closed` follows. */
  failed(failure: WsFailure): void;
  closed(end: WsEnd): void;
}

/** The same bound as a body of HTTP that is kept. */
const MAX_MESSAGE_BYTES = 64 * 1_024 * 1_024;
/** How long a peer may take to answer a goodbye; nobody waits for that of a socket that was left. */
const GOODBYE_MS = 10_000;
const LEFT_MS = 2_000;
const GOING_AWAY = 1_001;

const GIVEN_UP: WsFailure = { cause: CAUSES.interrupted, detail: '', status: 0, again: false };
const ABNORMAL: WsEnd = { code: 1_006, reason: '', wasClean: false, error: '', error_code: 0 };

/** One socket from its first try to its end, measured. Resolves names, dials and speaks TLS as requests do. */
export class WsSession {
  readonly #plan: WsPlan;
  readonly #shared: ConnectionShared;
  readonly #sinks: WsSinks;
  readonly #sink: WsSink;
  /** When pings were sent that have no pong yet, by what they carry. */
  readonly #pings = new Map<string, number>();
  #pingNumber = 0;
  #wire: Wire | null = null;
  #tcp: TcpSocket | null = null;
  #dialing: Dialing | null = null;
  #giveUpTry: ((failure: WsFailure) => void) | null = null;
  #wait: (() => void) | null = null;
  #failure: WsFailure | null = null;
  #isOver = false;
  /** The author asked for it before there was a connection. */
  #isClosedEarly = false;

  constructor(plan: WsPlan, shared: ConnectionShared, sinks: WsSinks, sink: WsSink) {
    this.#plan = plan;
    this.#shared = shared;
    this.#sinks = sinks;
    this.#sink = sink;
  }

  get readyState(): number {
    if (this.#isOver) return Wire.CLOSED;
    if (this.#isClosedEarly) return Wire.CLOSING;
    return this.#wire?.readyState ?? Wire.CONNECTING;
  }
  get protocol(): string {
    return this.#wire?.protocol ?? '';
  }
  get extensions(): string {
    return this.#wire?.extensions ?? '';
  }
  get bufferedAmount(): number {
    return this.#wire?.bufferedAmount ?? 0;
  }

  /** Tries until it is open, as often as it may. */
  async start(): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      const startedMs = performance.now();
      const failure = await this.#try(startedMs);
      if (this.#isOver || failure === null) return;
      if (this.#isClosedEarly) {
        this.#end({ ...ABNORMAL, error: 'closed before it was open' });
        return;
      }
      this.#sinks.tried(startedMs, failure, '');
      if (!failure.again || tries >= this.#plan.retries) {
        this.#broke(failure);
        return;
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#plan.retryDelayMs);
        this.#wait = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wait = null;
      if (this.#isOver) return;
    }
  }

  /** Null when the socket is open: then the sink was told in the same turn, before any message. */
  async #try(startedMs: number): Promise<WsFailure | null> {
    if (this.#isClosedEarly) return GIVEN_UP;
    const dialing = new Dialing(this.#plan.url.origin, this.#shared);
    this.#dialing = dialing;
    let timer: NodeJS.Timeout | undefined;
    let isTaken = false;
    const givenUp = new Promise<WsFailure>((resolve) => {
      this.#giveUpTry = resolve;
      timer = setTimeout(() => {
        resolve({ cause: timeoutCause(dialing.stage), detail: `${this.#plan.timeoutMs} ms`, status: 0, again: true });
      }, this.#plan.timeoutMs);
    });
    try {
      const tcp = await Promise.race([dialing.open(), givenUp]);
      if ('cause' in tcp) return tcp;
      if (this.#isOver) return GIVEN_UP;
      isTaken = true;
      this.#dialing = null;
      const failure = await Promise.race([this.#shake(tcp, startedMs), givenUp]);
      if (failure !== null) {
        this.#noteBytes();
        this.#drop();
      }
      return failure;
    } finally {
      clearTimeout(timer);
      this.#giveUpTry = null;
      this.#dialing = null;
      if (!isTaken) dialing.end();
    }
  }

  /** @throws Error from the library, for a protocol or a header that can't be sent */
  #makeWire(tcp: TcpSocket): Wire {
    const { href, protocols, headers, compresses } = this.#plan;
    const options: ClientOptions & { readonly closeTimeout: number } = {
      headers,
      perMessageDeflate: compresses,
      maxPayload: MAX_MESSAGE_BYTES,
      closeTimeout: GOODBYE_MS,
      createConnection: () => tcp,
    };
    return new Wire(href, [...protocols], options);
  }

  async #shake(tcp: TcpSocket, startedMs: number): Promise<WsFailure | null> {
    this.#sinks.newConnection();
    this.#tcp = tcp;
    let tcpError: NodeJS.ErrnoException | null = null;
    tcp.on('error', (error) => {
      tcpError = error;
    });
    let wire: Wire;
    try {
      wire = this.#makeWire(tcp);
    } catch (error) {
      return { cause: CAUSES.invalidRequest, detail: (error as Error).message, status: 0, again: false };
    }
    this.#wire = wire;
    let cookies: readonly string[] = [];
    wire.on('upgrade', (answer) => {
      cookies = answer.headers['set-cookie'] ?? [];
    });
    wire.on('message', (data: Buffer, isBinary) => this.#message(data, isBinary));
    wire.on('ping', () => this.#tell(() => this.#sink.pinged()));
    wire.on('pong', (data) => this.#ponged(data.toString()));
    return await new Promise((resolve) => {
      let isOpen = false;
      wire.on('unexpected-response', (_, answer) => {
        const detail = `${answer.statusCode} ${answer.statusMessage ?? ''}`.trim();
        resolve({ cause: CAUSES.wsRefused, detail, status: answer.statusCode ?? 0, again: false });
      });
      wire.on('open', () => {
        isOpen = true;
        // What ends it from here on is no failed try, even before the promises of this one have settled.
        this.#giveUpTry = null;
        if (this.#isOver) return;
        this.#sinks.tried(startedMs, null, wire.protocol);
        this.#noteBytes();
        this.#sink.opened(cookies);
        resolve(null);
      });
      wire.on('error', (error: NodeJS.ErrnoException) => {
        if (!isOpen) resolve(handshakeFailure(error));
        else {
          this.#failure ??= frameFailure(error);
          wire.terminate();
        }
      });
      wire.on('close', (code, reason) => {
        if (isOpen) this.#wireClosed(code, reason.toString(), tcpError);
      });
    });
  }

  #message(data: Buffer, isBinary: boolean): void {
    if (this.#isOver) return;
    this.#sinks.received();
    this.#noteBytes();
    this.#sink.message(data, isBinary);
  }

  #ponged(data: string): void {
    const pingedMs = this.#pings.get(data);
    if (pingedMs !== undefined && !this.#isOver) {
      this.#pings.delete(data);
      this.#sinks.ponged(pingedMs);
    }
    this.#tell(() => this.#sink.ponged());
  }

  #wireClosed(code: number, reason: string, tcpError: NodeJS.ErrnoException | null): void {
    if (this.#isOver) return;
    const failure =
      this.#failure ??
      (code === ABNORMAL.code
        ? {
            cause: tcpError === null ? CAUSES.wsBroken : causeOf(tcpError, 'open'),
            detail: tcpError?.message ?? '',
            status: 101,
            again: false,
          }
        : null);
    if (failure === null) this.#end({ code, reason, wasClean: true, error: '', error_code: 0 });
    else this.#broke(failure);
  }

  #broke(failure: WsFailure): void {
    this.#sink.failed(failure);
    this.#end({ ...ABNORMAL, error: failureText(failure), error_code: failure.cause.number });
  }

  #tell(what: () => void): void {
    if (!this.#isOver) what();
  }

  #end(end: WsEnd): void {
    if (this.#isOver) return;
    this.#noteBytes();
    this.#sinks.closed();
    this.#isOver = true;
    this.#sink.closed(end);
  }

  #noteBytes(): void {
    if (this.#tcp !== null) this.#sinks.bytes(this.#tcp.bytesWritten, this.#tcp.bytesRead);
  }

  /** @throws Error unless the socket is open. */
  send(data: string | ArrayBuffer | ArrayBufferView | Blob): void {
    const wire = this.#mustBeOpen('send');
    // What can't be sent any more is told by the end of the socket.
    wire.send(data as string, () => undefined);
    this.#sinks.sent();
    this.#noteBytes();
  }

  ping(): void {
    const wire = this.#mustBeOpen('ping');
    this.#pingNumber += 1;
    const data = String(this.#pingNumber);
    this.#pings.set(data, performance.now());
    wire.ping(data, true, () => undefined);
  }

  #mustBeOpen(what: string): Wire {
    const wire = this.#wire;
    if (this.#isOver || wire === null || wire.readyState !== Wire.OPEN)
      throw new Error(`can't ${what}: the socket to ${this.#plan.href} is not open`);
    return wire;
  }

  /** Reads no more, or reads on. */
  pause(paused: boolean): void {
    if (this.#isOver || this.#wire === null) return;
    if (paused) this.#wire.pause();
    else this.#wire.resume();
  }

  /** Closes in order; before it is open, gives up. */
  close(code: number, reason: string): void {
    const wire = this.#wire;
    if (this.#isOver || this.#isClosedEarly) return;
    if (wire !== null && wire.readyState !== Wire.CONNECTING) {
      if (wire.isPaused) wire.resume();
      wire.close(code, reason);
      return;
    }
    this.#isClosedEarly = true;
    this.#giveUpTry?.(GIVEN_UP);
    this.#wait?.();
  }

  /** Its user does not need it any more: over at once, with a goodbye that nobody waits for. */
  leave(): void {
    const wire = this.#wire;
    const isOpen = wire !== null && wire.readyState !== Wire.CONNECTING;
    this.#stop();
    if (!isOpen) {
      this.#drop();
      return;
    }
    if (wire.isPaused) wire.resume();
    if (wire.readyState === Wire.OPEN) wire.close(GOING_AWAY);
    setTimeout(() => wire.terminate(), LEFT_MS).unref();
  }

  /** Over at once. */
  cutOff(): void {
    this.#stop();
    this.#drop();
  }

  #stop(): void {
    this.#end(ABNORMAL);
    this.#dialing?.end();
    this.#giveUpTry?.(GIVEN_UP);
    this.#wait?.();
  }

  #drop(): void {
    this.#wire?.terminate();
    this.#wire = null;
    this.#tcp?.destroy();
    this.#tcp = null;
  }
}
