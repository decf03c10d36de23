import type { CookieJar } from './http-types.js';

/** What a connection may be given beside its URL. */
export interface WsParams {
  readonly headers?: Readonly<Record<string, string>>;
  /** Tags of everything that is measured of this socket; `name` groups URLs that differ (default: the URL). */
  readonly tags?: Readonly<Record<string, string>>;
  /** In the place of the user's own jar, whose cookies are sent. */
  readonly jar?: CookieJar;
  /** Offers to compress messages. @default none */
  readonly compression?: 'deflate';
  /** Milliseconds, or a duration such as `'5s'`, until the socket is open; for each try. @default 60s */
  readonly timeout?: number | string;
  /**
   * Tries after the first, where no connection could be made or it broke before an answer came; an answer that refuses is
   * not tried again. At most 200. @default 0
   */
  readonly retries?: number;
  /** Wait between tries. @default 100ms */
  readonly retryDelay?: number | string;
}

/** What can be sent. */
export type WsData = string | ArrayBuffer | ArrayBufferView | Blob;
/** What comes: text as text, bytes as `binaryType` says. */
export type WsMessage = string | ArrayBuffer | Blob;

interface AnyWsEvent {
  readonly target: WebSocket;
  /** Wall-clock milliseconds since 1970. */
  readonly timestamp: number;
}
export interface WsOpenEvent extends AnyWsEvent {
  readonly type: 'open';
}
export interface WsMessageEvent extends AnyWsEvent {
  readonly type: 'message';
  readonly data: WsMessage;
}
export interface WsPingEvent extends AnyWsEvent {
  readonly type: 'ping' | 'pong';
}
export interface WsErrorEvent extends AnyWsEvent {
  readonly type: 'error';
  readonly error: string;
  /** As of requests; see the table of error codes. */
  readonly error_code: number;
  /** Status of the answer to the handshake; 0 where none came. */
  readonly status: number;
}
/** How a socket ended. */
export interface WsEnd {
  /** The code of the close frame; 1005 when it had none, 1006 when none came. */
  readonly code: number;
  readonly reason: string;
  /** Both sides closed in order. */
  readonly wasClean: boolean;
  /** Empty unless something broke. */
  readonly error: string;
  readonly error_code: number;
}
export interface WsCloseEvent extends AnyWsEvent, WsEnd {
  readonly type: 'close';
}

/** Events by their name. */
export interface WsEvents {
  open: WsOpenEvent;
  message: WsMessageEvent;
  ping: WsPingEvent;
  pong: WsPingEvent;
  error: WsErrorEvent;
  close: WsCloseEvent;
}
/** A callback; what it throws, or rejects with, fails the iteration. */
export type WsListener<K extends keyof WsEvents> = (event: WsEvents[K]) => unknown;

/**
 * A WebSocket with callbacks, as in `k6/websockets`. A function of the test that returns no promise lasts until its
 * sockets are closed; one that returns a promise ends with that, and what is open then is closed.
 */
export interface WebSocket {
  readonly url: string;
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** The protocol that the server chose; empty without. */
  readonly protocol: string;
  readonly extensions: string;
  /** Bytes that wait to be sent. */
  readonly bufferedAmount: number;
  /** How bytes come. @default 'arraybuffer' */
  binaryType: 'arraybuffer' | 'blob';
  onopen: WsListener<'open'> | null;
  onmessage: WsListener<'message'> | null;
  onping: WsListener<'ping'> | null;
  onpong: WsListener<'pong'> | null;
  onerror: WsListener<'error'> | null;
  onclose: WsListener<'close'> | null;
  addEventListener<K extends keyof WsEvents>(type: K, listener: WsListener<K>): void;
  removeEventListener<K extends keyof WsEvents>(type: K, listener: WsListener<K>): void;
  /** Throws unless the socket is open. */
  send(data: WsData): void;
  /** The time to its pong is `ws_ping`. */
  ping(): void;
  /** Says goodbye. @param code 1000, or 3000 to 4999 @default 1000 */
  close(code?: number, reason?: string): void;
}

/** How a `WebSocket` is made. */
export interface WebSocketClass {
  new (url: string | URL, protocols?: string | readonly string[] | null, params?: WsParams): WebSocket;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
}

/**
 * An open socket that can be awaited. Messages that no callback takes wait here, in order; at 1,000 of them nothing more
 * is read until some are taken.
 */
export interface Socket extends WebSocket, AsyncIterable<WsMessage> {
  /** The next message; null when the socket was closed in order. Rejects when it broke. */
  message(): Promise<WsMessage | null>;
  /** Resolves, never rejects, when the socket is closed. */
  readonly closed: Promise<WsEnd>;
}

/** WebSockets that are awaited. */
export interface Ws {
  /** Opens a socket. Rejects with a {@link WsError} when that fails. */
  connect(url: string | URL, params?: WsParams & { readonly protocols?: string | readonly string[] }): Promise<Socket>;
}

/** Why a socket could not be opened, or broke. */
export interface WsError extends Error {
  readonly error_code: number;
  /** Status of the answer to the handshake; 0 where none came. */
  readonly status: number;
}
