import type { WebSocket as ScriptSocket, WsEnd, WsEvents, WsListener, WsMessage } from '@muster/script';
import { CAUSES } from '../http/error-codes.js';
import type { Frame } from '../load/virtual-user.js';
import type { Inbox } from './inbox.js';
import type { WsSession, WsSink } from './session.js';
import type { HeldSocket } from './user-sockets.js';
import { failureText, type WsFailure } from './ws-failure.js';

/** Whose socket it is, and where its callbacks run. */
export interface SocketHome {
  readonly frame: Frame;
  readonly within: <T>(frame: Frame, fn: () => T) => T;
}

type Listeners = { readonly [K in keyof WsEvents]: WsListener<K>[] };
type Handlers = { [K in keyof WsEvents]: WsListener<K> | null };

/** What is behind a socket of a test: callbacks run as its user, and what one throws fails the iteration. */
export class SocketCore implements WsSink, HeldSocket {
  readonly url: string;
  readonly handlers: Handlers = { open: null, message: null, ping: null, pong: null, error: null, close: null };
  readonly listeners: Listeners = { open: [], message: [], ping: [], pong: [], error: [], close: [] };
  binaryType: 'arraybuffer' | 'blob' = 'arraybuffer';
  /** Where messages go that no callback takes; null: nowhere. */
  inbox: Inbox | null = null;
  /** Resolves with null when it is open, else with why not. */
  readonly whenOpen: Promise<WsFailure | null>;
  readonly whenClosed: Promise<WsEnd>;
  failure: WsFailure | null = null;
  readonly #home: SocketHome;
  readonly #takeCookies: (lines: readonly string[]) => void;
  #session: WsSession | null = null;
  #face: ScriptSocket | null = null;
  #settleOpen: (failure: WsFailure | null) => void = () => undefined;
  #settleClosed: (end: WsEnd) => void = () => undefined;
  /** Left or cut off: its callbacks hear nothing more. */
  #isLeft = false;
  #wasOpen = false;

  constructor(url: string, home: SocketHome, takeCookies: (lines: readonly string[]) => void) {
    this.url = url;
    this.#home = home;
    this.#takeCookies = takeCookies;
    this.whenOpen = new Promise((resolve) => {
      this.#settleOpen = resolve;
    });
    this.whenClosed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  /** Connects. @param face what callbacks see */
  begin(session: WsSession, face: ScriptSocket): void {
    this.#session = session;
    this.#face = face;
    this.#home.frame.user.sockets.add(this);
    void session.start();
  }

  get session(): WsSession {
    if (this.#session === null) throw new Error('the socket has not begun');
    return this.#session;
  }
  get isLeft(): boolean {
    return this.#isLeft;
  }
  /** The iteration was cut off: what it still awaits must lead nowhere. */
  get isCutOff(): boolean {
    return this.#home.frame.cancelled;
  }

  opened(cookies: readonly string[]): void {
    if (cookies.length > 0) this.#takeCookies(cookies);
    this.#settleOpen(null);
    this.#wasOpen = true;
    this.#note({ kind: 'socket_open' });
    this.#emit('open', { ...this.#event(), type: 'open' });
  }

  message(data: Buffer, isBinary: boolean): void {
    this.#note({ kind: 'socket_message', bytes: data.length });
    // What comes after the test has closed the socket is counted, and no more.
    if (this.#isLeft || this.session.readyState !== 1) return;
    const message = this.#decoded(data, isBinary);
    if (this.handlers.message !== null || this.listeners.message.length > 0)
      this.#emit('message', { ...this.#event(), type: 'message', data: message });
    else this.inbox?.put(message);
  }

  #decoded(data: Buffer, isBinary: boolean): WsMessage {
    if (!isBinary) return data.toString();
    const bytes = Uint8Array.from(data);
    return this.binaryType === 'blob' ? new Blob([bytes]) : bytes.buffer;
  }

  pinged(): void {
    this.#emit('ping', { ...this.#event(), type: 'ping' });
  }
  ponged(): void {
    this.#emit('pong', { ...this.#event(), type: 'pong' });
  }

  failed(failure: WsFailure): void {
    this.failure = failure;
    const { cause, status } = failure;
    const error = failureText(failure);
    const { recorder, name } = this.#home.frame.user.scenario;
    recorder.error(cause.name, `${error} (${this.url})`, null, name, performance.now());
    this.#emit('error', { ...this.#event(), type: 'error', error, error_code: cause.number, status });
  }

  closed(end: WsEnd): void {
    this.#settleOpen(this.failure ?? LEFT);
    if (this.#wasOpen) this.#note({ kind: 'socket_close' });
    this.inbox?.end();
    this.#settleClosed(end);
    this.#emit('close', { ...this.#event(), type: 'close', ...end });
    this.#home.frame.user.sockets.delete(this);
  }

  leave(): void {
    this.#isLeft = true;
    this.session.leave();
  }
  cutOff(): void {
    this.#isLeft = true;
    this.session.cutOff();
  }

  #note(
    event:
      | { readonly kind: 'socket_open' | 'socket_close' }
      | { readonly kind: 'socket_message'; readonly bytes: number },
  ): void {
    const { user } = this.#home.frame;
    user.scenario.recorder.events?.add({ ...event, vu: user.id, iteration: user.iteration });
  }

  #event(): { readonly target: ScriptSocket; readonly timestamp: number } {
    return { target: this.#face as ScriptSocket, timestamp: Date.now() };
  }

  #emit<K extends keyof WsEvents>(type: K, event: WsEvents[K]): void {
    const handler: WsListener<K> | null = this.handlers[type];
    if (handler !== null) this.#call(handler, event);
    for (const listener of [...this.listeners[type]]) this.#call(listener, event);
  }

  #call<K extends keyof WsEvents>(listener: WsListener<K>, event: WsEvents[K]): void {
    const { frame, within } = this.#home;
    if (this.#isLeft || frame.cancelled) return;
    const { sockets } = frame.user;
    try {
      const returned = within(frame, () => listener.call(this.#face, event));
      if (!isPromise(returned)) return;
      sockets.callbackBegan();
      returned.then(
        () => sockets.callbackEnded(),
        (thrown: unknown) => {
          sockets.fail(thrown);
          sockets.callbackEnded();
        },
      );
    } catch (thrown) {
      sockets.fail(thrown);
    }
  }
}

/** Of a socket that was closed or left before it was open. */
const LEFT: WsFailure = { cause: CAUSES.interrupted, detail: 'the socket was left', status: 0, again: false };

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
