import * as zmq from 'zeromq';
import { MusterError } from '../errors.js';
import {
  type AnySocket,
  canReceive,
  canSend,
  makeSocket,
  type SocketKind,
  type TransportOptions,
} from './make-socket.js';
import { type Message, SendQueue } from './send-queue.js';
import { Turn } from './turn.js';

/** How a socket is opened. Everything has a default; nothing waits without end or grows without bound. */
export interface SocketOptions extends TransportOptions {
  /** DEALER, ROUTER: the id under which a ROUTER at the other end knows this peer. @default chosen by that ROUTER */
  readonly routingId?: string;
  /** Largest part that is taken; a peer that sends a larger one is disconnected. @default no bound */
  readonly maxMessageBytes?: number;
  /** Messages queued inside zeromq each way, per peer. XPUB drops beyond it, without a word. @default 1_000 */
  readonly highWaterMark?: number;
  /** How long zeromq may stay full before a message counts as not sent. @default 5_000 for PUSH, 0 for ROUTER, else none */
  readonly sendTimeoutMs?: number;
  /** How long `close` lets queued messages leave. @default 500 */
  readonly lingerMs?: number;
  /** DEALER, PUSH, SUB: asks for a sign of life this often; after three without one it connects anew. 0: never. @default 2_000 */
  readonly heartbeatMs?: number;
  /** ROUTER: a peer that comes under an id in use takes it over; without it the newcomer is ignored. @default true */
  readonly handover?: boolean;
  /** Messages that wait here while zeromq is full or a `bind` is under way; beyond it the oldest go. @default 100_000 */
  readonly queue?: number;
  /** The same in bytes. @default 64 MiB */
  readonly queueBytes?: number;
  /** Longest time that one turn of the event loop spends on this socket's messages, each way. @default 5 */
  readonly turnMs?: number;
  /** What comes in, one call at a time; a promise holds the next message back. Without it nothing is received. */
  readonly onMessage?: (frames: Buffer[]) => void | Promise<void>;
  /** `onMessage` threw: its message is dropped and the next one comes. @default a warning of the process */
  readonly onFault?: (fault: MusterError) => void;
  /**
   * A message that could not be sent, after the fact. Why: `EHOSTUNREACH` (ROUTER: no such peer), `EAGAIN` (full for
   * the send timeout), `QUEUE_FULL` (pushed out by later ones), `CLOSED`, or another code of zeromq.
   */
  readonly onUnsent?: (frames: readonly Buffer[], why: string) => void;
  /** DEALER, PUSH, SUB: a connection can be used; called again after each reconnection. */
  readonly onUp?: (endpoint: string) => void;
  /** DEALER, PUSH, SUB: the connection was lost; zeromq goes on trying. */
  readonly onDown?: (endpoint: string) => void;
}

/** A socket: what is given to `send` leaves in order; what comes in goes to `onMessage`. */
export interface Socket extends AsyncDisposable {
  /**
   * Binds; the answer is the real endpoint where a port of `*` was chosen. An `ipc` path in use is taken over without
   * a word, so ask first whether somebody answers there.
   *
   * @throws MusterError `ADDRESS_IN_USE` or `BAD_ENDPOINT`.
   */
  bind(endpoint: string): Promise<string>;
  /** Connects in the background and again whenever the connection is lost. @throws MusterError `BAD_ENDPOINT`. */
  connect(endpoint: string): void;
  /** Undoes `connect` with the same text; nothing happens if there was none. */
  disconnect(endpoint: string): void;
  /** SUB: topics by their beginning. */
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** Text goes as UTF-8. The buffers must not be changed afterwards: zeromq does not copy them. */
  send(frames: readonly (Buffer | string)[]): void;
  /** Messages that wait to be sent, not counting those inside zeromq. */
  readonly waiting: number;
  /** From now on nothing comes in; what waits may leave for `lingerMs`, if not told otherwise. Safe to call twice. */
  close(lingerMs?: number): Promise<void>;
}

const QUEUE_MESSAGES = 100_000;
const QUEUE_BYTES = 64 * 1_024 * 1_024;
const TURN_MS = 5;
const LINGER_MS = 500;

/** Opens a socket of a kind. Only on a main thread: zeromq ends the process when a worker thread is stopped. */
export const openSocket = (kind: SocketKind, options: SocketOptions = {}): Socket =>
  new WrappedSocket(makeSocket(kind, options), options);

const codeOf = (thrown: unknown): string => (thrown as { code?: string } | null)?.code ?? String(thrown);

class WrappedSocket implements Socket {
  readonly #socket: AnySocket;
  readonly #options: SocketOptions;
  readonly #queue: SendQueue;
  readonly #turnMs: number;
  /** Resolved unless a bind is under way: until it is done zeromq refuses to send and to receive. */
  #bound: Promise<unknown> = Promise.resolve();
  #binding = 0;
  #sending: Promise<void> | null = null;
  #closed: Promise<void> | null = null;

  constructor(socket: AnySocket, options: SocketOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#queue = new SendQueue({
      messages: options.queue ?? QUEUE_MESSAGES,
      bytes: options.queueBytes ?? QUEUE_BYTES,
    });
    this.#turnMs = options.turnMs ?? TURN_MS;
    // An XPUB that nobody reads would keep every subscription it was told of.
    const listens = options.onMessage !== undefined || socket instanceof zmq.XPublisher;
    if (canReceive(socket) && listens) void this.#receive(socket);
    if (options.onUp !== undefined || options.onDown !== undefined) void this.#watch();
  }

  get waiting(): number {
    return this.#queue.length;
  }

  async bind(endpoint: string): Promise<string> {
    this.#binding += 1;
    const binding = this.#bound.then(() => this.#socket.bind(endpoint));
    this.#bound = binding.then(
      () => this.#bindingDone(),
      () => this.#bindingDone(),
    );
    try {
      await binding;
    } catch (cause) {
      throw bindFault(endpoint, cause);
    }
    return this.#socket.lastEndpoint ?? endpoint;
  }

  connect(endpoint: string): void {
    try {
      this.#socket.connect(endpoint);
    } catch (cause) {
      throw new MusterError('BAD_ENDPOINT', `can't connect to ${endpoint}: ${(cause as Error).message}`, { cause });
    }
  }

  disconnect(endpoint: string): void {
    try {
      this.#socket.disconnect(endpoint);
    } catch (cause) {
      if (codeOf(cause) !== 'ENOENT') throw MusterError.from(cause);
    }
  }

  subscribe(topic: string): void {
    if (this.#socket instanceof zmq.Subscriber) this.#socket.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    if (this.#socket instanceof zmq.Subscriber) this.#socket.unsubscribe(topic);
  }

  send(frames: readonly (Buffer | string)[]): void {
    if (!canSend(this.#socket)) throw new MusterError('INTERNAL', 'a PULL or SUB socket was asked to send');
    const message = frames.map((frame) => (typeof frame === 'string' ? Buffer.from(frame) : frame));
    if (this.#closed !== null) {
      this.#options.onUnsent?.(message, 'CLOSED');
      return;
    }
    for (const gone of this.#queue.push(message)) this.#options.onUnsent?.(gone, 'QUEUE_FULL');
    this.#sending ??= this.#drain(this.#socket);
  }

  /** One send after the other: zeromq throws when a second one begins. */
  async #drain(socket: { send(message: Buffer[]): Promise<void> }): Promise<void> {
    const turn = new Turn(this.#turnMs);
    await this.#bound;
    for (let message = this.#queue.shift(); message !== undefined; message = this.#queue.shift()) {
      try {
        await socket.send(message as Buffer[]);
      } catch (thrown) {
        this.#unsent(message, this.#socket.closed ? 'CLOSED' : codeOf(thrown));
      }
      await turn.spent();
      await this.#bound;
    }
    // Here, not behind the promise: a send in between would find nobody at work.
    this.#sending = null;
  }

  async #receive(socket: { receive(): Promise<Buffer[]> }): Promise<void> {
    const turn = new Turn(this.#turnMs);
    await this.#bound;
    while (this.#closed === null) {
      if (this.#binding > 0) await this.#bound;
      let frames: Buffer[];
      try {
        frames = await socket.receive();
      } catch (thrown) {
        if (this.#socket.closed) return;
        // An XPUB may say that it can be read and then have nothing, when subscribers come and go quickly.
        if (codeOf(thrown) !== 'EAGAIN') this.#fault(thrown);
        await new Promise((resolve) => setTimeout(resolve, this.#turnMs));
        continue;
      }
      if (this.#closed !== null) return;
      try {
        // Each await costs as much as a small message: only what is a promise is waited for.
        const held = this.#options.onMessage?.(frames);
        if (held !== undefined) await held;
      } catch (thrown) {
        this.#fault(thrown);
      }
      const spent = turn.spent();
      if (spent !== undefined) await spent;
    }
  }

  async #watch(): Promise<void> {
    for await (const event of this.#socket.events) {
      if (this.#closed !== null) return;
      if (event.type === 'handshake') this.#options.onUp?.(event.address);
      if (event.type === 'disconnect') this.#options.onDown?.(event.address);
    }
  }

  #bindingDone(): void {
    this.#binding -= 1;
  }

  #unsent(message: Message, why: string): void {
    try {
      this.#options.onUnsent?.(message, why);
    } catch (thrown) {
      this.#fault(thrown);
    }
  }

  #fault(thrown: unknown): void {
    const fault = MusterError.from(thrown);
    if (this.#options.onFault === undefined) process.emitWarning(fault);
    else this.#options.onFault(fault);
  }

  close(lingerMs: number = this.#options.lingerMs ?? LINGER_MS): Promise<void> {
    this.#closed ??= this.#end(lingerMs);
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(lingerMs: number): Promise<void> {
    await this.#bound;
    if (this.#socket.closed) return;
    this.#socket.linger = lingerMs;
    if (this.#sending !== null && lingerMs > 0) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, lingerMs);
      });
      await Promise.race([this.#sending, late]);
      clearTimeout(timer);
    }
    this.#socket.close();
  }
}

const bindFault = (endpoint: string, cause: unknown): MusterError => {
  const message = `can't bind ${endpoint}: ${(cause as Error).message}`;
  return codeOf(cause) === 'EADDRINUSE'
    ? new MusterError('ADDRESS_IN_USE', message, {
        cause,
        hint: 'choose another port, or stop the process that holds it',
      })
    : new MusterError('BAD_ENDPOINT', message, { cause, hint: 'is the address one of this machine?' });
};
