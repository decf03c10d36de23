import type {
  Socket as ScriptAwaited,
  WebSocket as ScriptSocket,
  WsData,
  WsEnd,
  WsEvents,
  WsListener,
  WsMessage,
} from '@muster/script';
import { Inbox } from './inbox.js';
import type { SocketCore } from './socket-core.js';
import { SocketError } from './ws-failure.js';

/** A socket as tests see it, with the names of browsers and of k6. */
export class AuthorSocket implements ScriptSocket {
  readonly #core: SocketCore;

  constructor(core: SocketCore) {
    this.#core = core;
  }

  get url(): string {
    return this.#core.url;
  }
  get readyState(): number {
    return this.#core.session.readyState;
  }
  get protocol(): string {
    return this.#core.session.protocol;
  }
  get extensions(): string {
    return this.#core.session.extensions;
  }
  get bufferedAmount(): number {
    return this.#core.session.bufferedAmount;
  }
  get binaryType(): 'arraybuffer' | 'blob' {
    return this.#core.binaryType;
  }
  set binaryType(type: 'arraybuffer' | 'blob') {
    if (type !== 'arraybuffer' && type !== 'blob')
      throw new TypeError(`binaryType is "arraybuffer" or "blob", not ${JSON.stringify(type)}`);
    this.#core.binaryType = type;
  }

  get onopen(): WsListener<'open'> | null {
    return this.#core.handlers.open;
  }
  set onopen(handler: WsListener<'open'> | null) {
    this.#core.handlers.open = handler;
  }
  get onmessage(): WsListener<'message'> | null {
    return this.#core.handlers.message;
  }
  set onmessage(handler: WsListener<'message'> | null) {
    this.#core.handlers.message = handler;
  }
  get onping(): WsListener<'ping'> | null {
    return this.#core.handlers.ping;
  }
  set onping(handler: WsListener<'ping'> | null) {
    this.#core.handlers.ping = handler;
  }
  get onpong(): WsListener<'pong'> | null {
    return this.#core.handlers.pong;
  }
  set onpong(handler: WsListener<'pong'> | null) {
    this.#core.handlers.pong = handler;
  }
  get onerror(): WsListener<'error'> | null {
    return this.#core.handlers.error;
  }
  set onerror(handler: WsListener<'error'> | null) {
    this.#core.handlers.error = handler;
  }
  get onclose(): WsListener<'close'> | null {
    return this.#core.handlers.close;
  }
  set onclose(handler: WsListener<'close'> | null) {
    this.#core.handlers.close = handler;
  }

  addEventListener<K extends keyof WsEvents>(type: K, listener: WsListener<K>): void {
    const listeners = this.#of(type);
    if (!listeners.includes(listener)) listeners.push(listener);
  }
  removeEventListener<K extends keyof WsEvents>(type: K, listener: WsListener<K>): void {
    const listeners = this.#of(type);
    const at = listeners.indexOf(listener);
    if (at >= 0) listeners.splice(at, 1);
  }
  #of<K extends keyof WsEvents>(type: K): WsListener<K>[] {
    const { listeners } = this.#core;
    if (!Object.hasOwn(listeners, type)) throw new TypeError(`a socket has no event ${JSON.stringify(type)}`);
    return listeners[type];
  }

  send(data: WsData): void {
    if (!this.#core.isCutOff) this.#core.session.send(data);
  }
  ping(): void {
    if (!this.#core.isCutOff) this.#core.session.ping();
  }
  close(code = 1_000, reason = ''): void {
    this.#core.session.close(code, reason);
  }
}

/** A socket whose messages are awaited. */
export class AwaitedSocket extends AuthorSocket implements ScriptAwaited {
  readonly #core: SocketCore;
  readonly #inbox: Inbox;

  constructor(core: SocketCore) {
    super(core);
    this.#core = core;
    this.#inbox = new Inbox((paused) => core.session.pause(paused));
    core.inbox = this.#inbox;
  }

  /** Rejects with what kept it from opening. */
  async whenOpen(): Promise<this> {
    const failure = await this.#core.whenOpen;
    if (this.#core.isCutOff) await never();
    if (failure !== null) throw new SocketError(failure, this.url);
    return this;
  }

  get closed(): Promise<WsEnd> {
    return this.#core.isCutOff ? never() : this.#core.whenClosed;
  }

  async message(): Promise<WsMessage | null> {
    const message = await this.#inbox.take();
    if (this.#core.isCutOff) await never();
    const { failure } = this.#core;
    if (message === null && failure !== null) throw new SocketError(failure, this.url);
    return message;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WsMessage, void> {
    for (let message = await this.message(); message !== null; message = await this.message()) yield message;
  }
}

/** Never settles: what an iteration that was cut off still does must lead nowhere. */
const never = (): Promise<never> => new Promise(() => undefined);
