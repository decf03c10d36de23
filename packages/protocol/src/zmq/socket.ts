import * as zmq from 'zeromq';
import { MusterError } from '../errors.js';

/** ROUTER and DEALER carry questions and answers, PUSH and PULL results, XPUB and SUB what is told to all. */
export type SocketKind = 'router' | 'dealer' | 'push' | 'pull' | 'xpub' | 'sub';

export interface SocketOptions {
  /** DEALER: the id under which a ROUTER knows this peer. */
  readonly routingId?: string;
  /** Largest part that is taken; a peer that sends a larger one is disconnected. */
  readonly maxMessageBytes?: number;
  /** Messages queued inside zeromq each way. @default 1_000 */
  readonly highWaterMark?: number;
  /** How long a message may wait inside zeromq before it counts as not sent. @default 5_000 for PUSH, else none */
  readonly sendTimeoutMs?: number;
  /** Messages that wait here while zeromq is busy; beyond it the oldest go. @default 100_000 */
  readonly queue?: number;
  /** How long `close` lets queued messages leave. @default 500 */
  readonly lingerMs?: number;
  /** What comes in. One call at a time; a promise holds the next message back. */
  readonly onMessage?: (frames: Buffer[]) => void | Promise<void>;
  /** A message that could not be sent (no such peer, time over, queue full), after the fact. */
  readonly onUnsent?: (frames: readonly Buffer[], why: string) => void;
}

/** A socket: what is given to `send` leaves in order; what comes in goes to `onMessage`. */
export interface Socket {
  /** Binds; the answer is the real endpoint where a port of `*` was chosen. @throws MusterError `ADDRESS_IN_USE`. */
  bind(endpoint: string): Promise<string>;
  connect(endpoint: string): void;
  disconnect(endpoint: string): void;
  /** SUB: topics by their beginning. */
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  send(frames: readonly (Buffer | string)[]): void;
  /** Messages that wait to be sent. */
  readonly waiting: number;
  close(): Promise<void>;
}

type AnySocket = zmq.Router | zmq.Dealer | zmq.Push | zmq.Pull | zmq.XPublisher | zmq.Subscriber;

const RECONNECT_MS = 100;
const RECONNECT_MAX_MS = 2_000;

const make = (kind: SocketKind, options: SocketOptions): AnySocket => {
  const common = {
    linger: options.lingerMs ?? 500,
    ...(options.maxMessageBytes === undefined ? {} : { maxMessageSize: options.maxMessageBytes }),
  };
  const out = {
    sendHighWaterMark: options.highWaterMark ?? 1_000,
    ...(options.sendTimeoutMs === undefined ? {} : { sendTimeout: options.sendTimeoutMs }),
  };
  const inward = { receiveHighWaterMark: options.highWaterMark ?? 1_000 };
  const dialing = { reconnectInterval: RECONNECT_MS, reconnectMaxInterval: RECONNECT_MAX_MS };
  switch (kind) {
    case 'router':
      // A peer that comes back under its id takes it over; the agent's hello decides whether it may (see the broker).
      // A peer that is not there, or does not read, must not hold up the others: no waiting.
      return new zmq.Router({
        ...common,
        ...out,
        ...inward,
        mandatory: true,
        handover: true,
        sendTimeout: options.sendTimeoutMs ?? 0,
      });
    case 'dealer':
      return new zmq.Dealer({
        ...common,
        ...out,
        ...inward,
        ...dialing,
        ...(options.routingId === undefined ? {} : { routingId: options.routingId }),
      });
    case 'push':
      return new zmq.Push({ ...common, ...out, ...dialing, sendTimeout: options.sendTimeoutMs ?? 5_000 });
    case 'pull':
      return new zmq.Pull({ ...common, ...inward });
    case 'xpub':
      return new zmq.XPublisher({ ...common, ...out });
    case 'sub':
      return new zmq.Subscriber({ ...common, ...inward, ...dialing });
  }
};

const canSend = (socket: AnySocket): socket is zmq.Router | zmq.Dealer | zmq.Push | zmq.XPublisher => 'send' in socket;
const canReceive = (
  socket: AnySocket,
): socket is zmq.Router | zmq.Dealer | zmq.Pull | zmq.XPublisher | zmq.Subscriber => 'receive' in socket;

/** Opens a socket of a kind. */
export const openSocket = (kind: SocketKind, options: SocketOptions = {}): Socket =>
  new WrappedSocket(make(kind, options), options);

class WrappedSocket implements Socket {
  readonly #socket: AnySocket;
  readonly #options: SocketOptions;
  #queue: Buffer[][] = [];
  #sending = false;
  #closing = false;
  readonly #loop: Promise<void>;
  #idle: (() => void) | undefined;

  constructor(socket: AnySocket, options: SocketOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#loop =
      canReceive(socket) && options.onMessage !== undefined
        ? this.#receive(socket, options.onMessage)
        : Promise.resolve();
  }

  get waiting(): number {
    return this.#queue.length;
  }

  async bind(endpoint: string): Promise<string> {
    try {
      await this.#socket.bind(endpoint);
    } catch (cause) {
      const inUse = (cause as { code?: string }).code === 'EADDRINUSE';
      throw new MusterError(
        inUse ? 'ADDRESS_IN_USE' : 'BAD_ENDPOINT',
        `can't bind ${endpoint}: ${(cause as Error).message}`,
        {
          cause,
          hint: inUse
            ? 'another process holds it; choose another port or stop that process'
            : 'is the address one of this machine?',
        },
      );
    }
    return this.#socket.lastEndpoint ?? endpoint;
  }

  connect(endpoint: string): void {
    this.#socket.connect(endpoint);
  }

  disconnect(endpoint: string): void {
    this.#socket.disconnect(endpoint);
  }

  subscribe(topic: string): void {
    if (this.#socket instanceof zmq.Subscriber) this.#socket.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    if (this.#socket instanceof zmq.Subscriber) this.#socket.unsubscribe(topic);
  }

  send(frames: readonly (Buffer | string)[]): void {
    const message = frames.map((frame) => (typeof frame === 'string' ? Buffer.from(frame) : frame));
    if (this.#closing) {
      this.#options.onUnsent?.(message, 'the socket is closed');
      return;
    }
    this.#queue.push(message);
    if (this.#queue.length > (this.#options.queue ?? 100_000)) {
      const dropped = this.#queue.shift();
      if (dropped !== undefined) this.#options.onUnsent?.(dropped, 'the send queue is full');
    }
    if (!this.#sending && canSend(this.#socket)) void this.#drain(this.#socket);
  }

  async #drain(socket: zmq.Router | zmq.Dealer | zmq.Push | zmq.XPublisher): Promise<void> {
    this.#sending = true;
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      for (const message of batch) {
        try {
          await (socket as zmq.Dealer).send(message);
        } catch (thrown) {
          this.#options.onUnsent?.(message, (thrown as { code?: string }).code ?? String(thrown));
        }
      }
    }
    this.#sending = false;
    this.#idle?.();
  }

  async #receive(
    socket: zmq.Router | zmq.Dealer | zmq.Pull | zmq.XPublisher | zmq.Subscriber,
    onMessage: NonNullable<SocketOptions['onMessage']>,
  ): Promise<void> {
    for await (const frames of socket) {
      const held = onMessage(frames as Buffer[]);
      if (held !== undefined) await held;
    }
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#sending) {
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#idle = resolve;
        }),
        new Promise<void>((resolve) => {
          timer = setTimeout(resolve, this.#options.lingerMs ?? 500);
        }),
      ]);
      clearTimeout(timer);
    }
    this.#socket.close();
    await this.#loop;
  }
}
