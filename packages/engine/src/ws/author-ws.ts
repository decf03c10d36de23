import type { WebSocketClass, Ws, WsParams } from '@muster/script';
import type { BaseUrl } from '../http/base-url.js';
import type { ConnectionShared } from '../http/connection.js';
import { DEFAULT_TIMEOUT_MS } from '../http/outgoing.js';
import { ScriptCookieJar } from '../http/script-cookie-jar.js';
import type { TargetUrl, TargetUrls } from '../http/target-url.js';
import type { Frame } from '../load/virtual-user.js';
import { AuthorSocket, AwaitedSocket } from './author-socket.js';
import { WsSession } from './session.js';
import { SocketCore } from './socket-core.js';
import { WsSinks } from './ws-sinks.js';

/** What sockets share with requests, as it is when a socket is made. */
export interface WsNetwork {
  readonly urls: TargetUrls;
  readonly base: BaseUrl;
  readonly shared: ConnectionShared;
}

export interface WsPorts {
  /** Whose call it is. @throws Error outside of any function of the test. */
  readonly here: (what: string) => Frame;
  readonly within: <T>(frame: Frame, fn: () => T) => T;
  readonly network: () => WsNetwork;
  /** Reads `'5s'`; null when it is no duration. */
  readonly parseDuration: (given: unknown) => number | null;
}

/** The original's bound. */
const MAX_RETRIES = 200;
const RETRY_DELAY_MS = 100;

type Protocols = string | readonly string[] | null | undefined;

/** `ws` and `WebSocket` of `@muster/script`. */
export const makeWs = (ports: WsPorts): { readonly ws: Ws; readonly WebSocket: WebSocketClass } => {
  class WebSocket extends AuthorSocket {
    static readonly CONNECTING = 0;
    static readonly OPEN = 1;
    static readonly CLOSING = 2;
    static readonly CLOSED = 3;

    constructor(url: string | URL, protocols?: Protocols, params: WsParams = {}) {
      const made = prepare(ports, ports.here('WebSocket'), url, protocols, params);
      super(made.core);
      made.begin(this);
    }
  }
  const connect: Ws['connect'] = async (url, params = {}) => {
    const frame = ports.here('ws.connect');
    // What an iteration that was cut off still does must lead nowhere.
    if (frame.cancelled) await new Promise(() => undefined);
    const { core, begin } = prepare(ports, frame, url, params.protocols, params);
    const socket = new AwaitedSocket(core);
    begin(socket);
    return await socket.whenOpen();
  };
  return { ws: { connect }, WebSocket };
};

/** A socket that only has to begin. @throws TypeError for what can't be meant */
const prepare = (
  { within, network, parseDuration }: WsPorts,
  frame: Frame,
  given: string | URL,
  protocols: Protocols,
  params: WsParams,
): { readonly core: SocketCore; readonly begin: (face: AuthorSocket) => void } => {
  const { urls, base, shared } = network();
  const { url, href } = readUrl(urls, base, String(given));
  const jar = ScriptCookieJar.jarOf(params.jar) ?? frame.jar;
  const cookies = jar.matching(url.cookiePlace, Date.now()).map(({ name, value }) => `${name}=${value}`);
  const plan = {
    url,
    href,
    protocols: typeof protocols === 'string' ? [protocols] : (protocols ?? []),
    headers: {
      'User-Agent': urls.userAgent,
      ...(cookies.length === 0 ? {} : { Cookie: cookies.join('; ') }),
      ...(url.authorization === null ? {} : { Authorization: url.authorization }),
      ...params.headers,
    },
    compresses: params.compression === 'deflate',
    timeoutMs: durationOf(parseDuration, 'timeout', params.timeout, DEFAULT_TIMEOUT_MS),
    retries: retriesOf(params.retries),
    retryDelayMs: durationOf(parseDuration, 'retryDelay', params.retryDelay, RETRY_DELAY_MS),
  };
  const core = new SocketCore(href, { frame, within }, (lines) => {
    for (const line of lines) jar.take(line, url.cookiePlace, Date.now());
  });
  return {
    core,
    begin: (face) => {
      if (!frame.cancelled) core.begin(new WsSession(plan, shared, new WsSinks(frame, href, params.tags), core), face);
    },
  };
};

/** `ws`, `wss`, `http` and `https`: connections, names and cookies are those of HTTP. */
const readUrl = (
  urls: TargetUrls,
  base: BaseUrl,
  given: string,
): { readonly url: TargetUrl; readonly href: string } => {
  const url = urls.get(base.resolve(given.replace(/^ws(?=s?:)/i, 'http')));
  if (url === null) throw new TypeError(`not a ws or wss URL: ${base.whyNot(given)}`);
  const { key, tls } = url.origin;
  return { url, href: `ws${tls ? 's' : ''}${key.slice(tls ? 5 : 4)}${url.path}` };
};

const durationOf = (
  parse: WsPorts['parseDuration'],
  name: string,
  given: number | string | undefined,
  fallbackMs: number,
): number => {
  const ms = given === undefined ? fallbackMs : parse(given);
  if (ms === null) throw new TypeError(`${name} ${JSON.stringify(given)} is not milliseconds or a duration`);
  return ms;
};

const retriesOf = (given = 0): number => {
  if (!Number.isInteger(given) || given < 0 || given > MAX_RETRIES)
    throw new TypeError(`retries is a whole number from 0 to ${MAX_RETRIES}, not ${String(given)}`);
  return given;
};
