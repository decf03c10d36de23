import type { BatchRequest, Http, Params, RequestBody, Response } from '@muster/script';
import { Connection, type ConnectionShared } from './connection.js';
import type { CookieJar } from './cookie-jar.js';
import { CAUSES } from './error-codes.js';
import type { Exchange, Outgoing } from './exchange.js';
import { HttpResponse } from './http-response.js';
import { parseFields } from './response-parser.js';
import type { TargetUrl, TargetUrls } from './target-url.js';

/** Options of a test that the client needs. */
export interface HttpOptions {
  readonly maxRedirects: number;
  readonly discardResponseBodies: boolean;
  readonly noConnectionReuse: boolean;
  readonly throw: boolean;
  readonly batch: number;
  readonly batchPerHost: number;
}

/** Idle connections by origin, of one user or of all users of a worker. */
export interface ConnectionPool {
  readonly idle: Map<string, Connection[]>;
  readonly all: Set<Connection>;
}

/** What the client needs of the virtual user that calls it. */
export interface HttpUser {
  readonly connections: ConnectionPool;
  readonly jar: CookieJar;
  /** True once the iteration was cut off: nothing more is to come of it. */
  readonly cancelled: boolean;
  /** The iteration, so that what outlives it can be told. */
  readonly epoch: number;
  /** Called once per exchange, at its end; `tags` are the request's own. */
  record(exchange: Exchange, request: RecordedRequest): void;
}

/** What a metric must know of the request. */
export interface RecordedRequest {
  readonly name: string;
  readonly method: string;
  readonly tags: Readonly<Record<string, string>> | undefined;
  readonly expected: boolean;
}

export interface HttpClientPorts {
  readonly user: () => HttpUser;
  readonly urls: TargetUrls;
  readonly shared: ConnectionShared;
  readonly options: HttpOptions;
  /** Reads `'5s'`; null when it is no duration. */
  readonly parseDuration: (given: unknown) => number | null;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const METHOD = /^[A-Z][A-Z0-9-]{0,30}$/i;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const NO_HEADERS: Readonly<Record<string, string>> = {};

/** Never settles: a call of an iteration that was cut off must not go on. */
const never = (): Promise<never> => new Promise(() => undefined);

/** An exchange that failed before anything was sent. */
const unsent = (cause: Exchange['cause'], detail: string): Exchange => {
  const now = performance.now();
  return {
    startedMs: now,
    endedMs: now,
    blockedUs: 0,
    connectingUs: 0,
    tlsUs: 0,
    sendingUs: 0,
    waitingUs: 0,
    receivingUs: 0,
    durationUs: 0,
    bytesSent: 0,
    bytesReceived: 0,
    sent: false,
    answered: false,
    cause,
    detail,
    status: 0,
    minor: 1,
    head: '',
    body: null,
    encoded: false,
    hasCookies: false,
    remoteIp: '',
    remotePort: 0,
  };
};

/** k6's `http`, on our own connections. One client serves all users of a worker. */
export class HttpClient implements Http {
  readonly #ports: HttpClientPorts;

  constructor(ports: HttpClientPorts) {
    this.#ports = ports;
  }

  get(url: string, params?: Params): Promise<Response> {
    return params === undefined ? this.#plainGet(url) : this.request('GET', url, null, params);
  }
  head(url: string, params?: Params): Promise<Response> {
    return this.request('HEAD', url, null, params);
  }
  post(url: string, body?: RequestBody, params?: Params): Promise<Response> {
    return this.request('POST', url, body, params);
  }
  put(url: string, body?: RequestBody, params?: Params): Promise<Response> {
    return this.request('PUT', url, body, params);
  }
  patch(url: string, body?: RequestBody, params?: Params): Promise<Response> {
    return this.request('PATCH', url, body, params);
  }
  del(url: string, body?: RequestBody, params?: Params): Promise<Response> {
    return this.request('DELETE', url, body, params);
  }
  options(url: string, body?: RequestBody, params?: Params): Promise<Response> {
    return this.request('OPTIONS', url, body, params);
  }

  /** The hot path: a GET without parameters of a user without cookies. */
  async #plainGet(href: string): Promise<Response> {
    const user = this.#ports.user();
    const url = this.#ports.urls.get(href);
    if (url === null || !user.jar.empty || this.#ports.options.noConnectionReuse)
      return await this.#follow(user, 'GET', href, null, {});
    const { discardResponseBodies } = this.#ports.options;
    const out: Outgoing = {
      head: url.plainGet,
      body: null,
      isHead: false,
      keepBody: !discardResponseBodies,
      timeoutMs: DEFAULT_TIMEOUT_MS,
    };
    const exchange = await this.#exchange(user, url, out);
    const redirected = exchange.status >= 300 && exchange.status < 400;
    if (redirected || exchange.hasCookies || exchange.cause !== null)
      return await this.#after(user, 'GET', url, null, {}, exchange, 0, NO_HEADERS);
    user.record(exchange, { name: href, method: 'GET', tags: undefined, expected: exchange.status < 400 });
    return new HttpResponse(href, exchange, { method: 'GET', url: href, headers: NO_HEADERS }, false);
  }

  async request(method: string, url: string, body: RequestBody = null, params: Params = {}): Promise<Response> {
    return await this.#follow(this.#ports.user(), method.toUpperCase(), String(url), body, params);
  }

  async batch(requests: readonly BatchRequest[]): Promise<Response[]> {
    const { batch, batchPerHost } = this.#ports.options;
    const limits = { all: 0, hosts: new Map<string, number>() };
    const answers: Promise<Response>[] = [];
    const results = new Array<Response>(requests.length);
    for (const [index, each] of requests.entries()) {
      const [method, url, body, params] = normalise(each);
      const host = this.#ports.urls.get(url)?.origin.key ?? '';
      while (limits.all >= batch || (limits.hosts.get(host) ?? 0) >= batchPerHost)
        await Promise.race(answers.filter((answer) => answer !== undefined));
      limits.all += 1;
      limits.hosts.set(host, (limits.hosts.get(host) ?? 0) + 1);
      const answer = this.request(method, url, body, params).then((response) => {
        results[index] = response;
        return response;
      });
      const release = (): void => {
        limits.all -= 1;
        limits.hosts.set(host, (limits.hosts.get(host) ?? 1) - 1);
        answers.splice(answers.indexOf(tracked), 1);
      };
      const tracked: Promise<Response> = answer.finally(release);
      answers.push(tracked);
    }
    await Promise.all(answers);
    return results;
  }

  async #follow(user: HttpUser, method: string, href: string, body: RequestBody, params: Params): Promise<Response> {
    const url = this.#ports.urls.get(href);
    const out = url === null ? null : this.#outgoing(user, method, url, body, params);
    if (url === null || out === null || typeof out === 'string') {
      const exchange = unsent(
        url === null ? CAUSES.invalidUrl : CAUSES.other,
        url === null ? href.slice(0, 200) : String(out),
      );
      return this.#answer(user, method, href, params, exchange, NO_HEADERS);
    }
    const exchange = await this.#exchange(user, url, out.outgoing);
    return await this.#after(user, method, url, body, params, exchange, 0, out.headers);
  }

  /** Records a hop and follows where it leads. */
  async #after(
    user: HttpUser,
    method: string,
    url: TargetUrl,
    body: RequestBody,
    params: Params,
    exchange: Exchange,
    hops: number,
    headers: Readonly<Record<string, string>>,
  ): Promise<Response> {
    if (exchange.hasCookies)
      for (const line of parseFields(exchange.head).cookies) user.jar.take(line, url, Date.now());
    const next = redirectOf(exchange, url, method);
    const most = params.redirects ?? this.#ports.options.maxRedirects;
    if (next === null || most === 0) return this.#answer(user, method, url.href, params, exchange, headers);
    if (hops >= most) {
      return this.#answer(
        user,
        method,
        url.href,
        params,
        { ...exchange, answered: true, cause: CAUSES.tooManyRedirects, detail: `${most} were allowed` },
        headers,
      );
    }
    this.#record(user, method, url.href, params, exchange);
    const target = this.#ports.urls.get(next.href);
    if (target === null)
      return this.#answer(user, method, next.href, params, unsent(CAUSES.invalidUrl, next.href.slice(0, 200)), headers);
    const nextBody = next.method === method ? body : null;
    const crossing = target.origin.key !== url.origin.key;
    const nextParams = crossing ? withoutCredentials(params) : params;
    const out = this.#outgoing(user, next.method, target, nextBody, nextParams);
    if (typeof out === 'string')
      return this.#answer(user, next.method, next.href, nextParams, unsent(CAUSES.other, out), headers);
    const following = await this.#exchange(user, target, out.outgoing);
    return await this.#after(user, next.method, target, nextBody, nextParams, following, hops + 1, out.headers);
  }

  #answer(
    user: HttpUser,
    method: string,
    href: string,
    params: Params,
    exchange: Exchange,
    headers: Readonly<Record<string, string>>,
  ): Response {
    this.#record(user, method, href, params, exchange);
    const response = new HttpResponse(href, exchange, { method, url: href, headers }, params.responseType === 'binary');
    if (exchange.cause !== null && this.#ports.options.throw) throw new Error(`${method} ${href}: ${response.error}`);
    return response;
  }

  #record(user: HttpUser, method: string, href: string, params: Params, exchange: Exchange): void {
    user.record(exchange, {
      name: params.tags?.name ?? href,
      method,
      tags: params.tags,
      expected: isExpected(exchange, params),
    });
  }

  /** The request's bytes, or what is wrong with it. */
  #outgoing(
    user: HttpUser,
    method: string,
    url: TargetUrl,
    given: RequestBody,
    params: Params,
  ): { readonly outgoing: Outgoing; readonly headers: Readonly<Record<string, string>> } | string {
    if (!METHOD.test(method)) return `"${method}" is not a method`;
    const timeoutMs = params.timeout === undefined ? DEFAULT_TIMEOUT_MS : this.#ports.parseDuration(params.timeout);
    if (timeoutMs === null) return `timeout ${JSON.stringify(params.timeout)} is not milliseconds or a duration`;
    const { body, type } = bodyOf(given);
    const headers: Record<string, string> = {};
    if (type !== null) headers['Content-Type'] = type;
    if (url.authorization !== null) headers.Authorization = url.authorization;
    for (const [name, value] of Object.entries(params.headers ?? {})) {
      if (!HEADER_NAME.test(name) || /[\r\n\0]/.test(String(value)))
        return `header ${JSON.stringify(name)} is malformed`;
      const same = Object.keys(headers).find((each) => each.toLowerCase() === name.toLowerCase());
      if (same !== undefined) delete headers[same];
      headers[name] = String(value);
    }
    const own = Object.entries(params.cookies ?? {}).map(([name, value]) => `${name}=${value}`);
    const cookies = [user.jar.empty ? '' : user.jar.headerFor(url, Date.now()), ...own]
      .filter((each) => each !== '')
      .join('; ');
    if (cookies !== '') headers.Cookie = cookies;
    if (body !== null || method === 'POST' || method === 'PUT' || method === 'PATCH')
      headers['Content-Length'] = String(body === null ? 0 : byteLength(body));
    if (this.#ports.options.noConnectionReuse) headers.Connection = 'close';
    const lower = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
    let head = `${method} ${url.path} HTTP/1.1\r\n`;
    if (!lower.has('host')) head += `Host: ${url.hostHeader}\r\n`;
    if (!lower.has('user-agent')) head += this.#ports.urls.commonHeaders;
    for (const name of Object.keys(headers)) head += `${name}: ${headers[name]}\r\n`;
    const keepBody =
      params.responseType === undefined ? !this.#ports.options.discardResponseBodies : params.responseType !== 'none';
    return { outgoing: { head: `${head}\r\n`, body, isHead: method === 'HEAD', keepBody, timeoutMs }, headers };
  }

  async #exchange(user: HttpUser, url: TargetUrl, out: Outgoing): Promise<Exchange> {
    if (user.cancelled) return await never();
    const { epoch } = user;
    const pool = user.connections;
    const idle = pool.idle.get(url.origin.key);
    let connection = idle?.pop();
    if (connection === undefined) {
      connection = new Connection(url.origin, this.#ports.shared);
      pool.all.add(connection);
    }
    const exchange = await connection.exchange(out);
    if (connection.open || pool.idle.get(url.origin.key) === undefined) {
      const back = pool.idle.get(url.origin.key);
      if (back === undefined) pool.idle.set(url.origin.key, [connection]);
      else back.push(connection);
    } else {
      pool.all.delete(connection);
      connection.close();
    }
    if (user.cancelled || user.epoch !== epoch) {
      user.record(exchange.cause === null ? exchange : { ...exchange, cause: CAUSES.interrupted }, {
        name: url.href,
        method: '',
        tags: undefined,
        expected: true,
      });
      return await never();
    }
    return exchange;
  }
}

const normalise = (each: BatchRequest): readonly [string, string, RequestBody, Params] => {
  if (typeof each === 'string') return ['GET', each, null, {}];
  if (Array.isArray(each))
    return [each[0] as string, each[1] as string, (each[2] ?? null) as RequestBody, (each[3] ?? {}) as Params];
  const named = each as Exclude<BatchRequest, string | readonly unknown[]>;
  return [named.method, named.url, named.body ?? null, named.params ?? {}];
};

const byteLength = (body: string | Uint8Array): number =>
  typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;

const bodyOf = (given: RequestBody): { readonly body: string | Uint8Array | null; readonly type: string | null } => {
  if (given === null || given === undefined) return { body: null, type: null };
  if (typeof given === 'string') return { body: given, type: null };
  if (given instanceof Uint8Array) return { body: given, type: null };
  if (given instanceof ArrayBuffer) return { body: new Uint8Array(given), type: null };
  const pairs = Object.entries(given).map(([name, value]) => [name, String(value)] as [string, string]);
  return { body: new URLSearchParams(pairs).toString(), type: 'application/x-www-form-urlencoded' };
};

const isExpected = (exchange: Exchange, params: Params): boolean => {
  if (!exchange.answered || exchange.cause !== null) return false;
  if (params.expectedStatuses === undefined) return exchange.status >= 200 && exchange.status < 400;
  return params.expectedStatuses.some((each) =>
    typeof each === 'number' ? each === exchange.status : exchange.status >= each.min && exchange.status <= each.max,
  );
};

/** Where an answer leads (RFC 9110, section 15.4): 303, and 301 and 302 after a POST, go on as a GET. */
const redirectOf = (
  exchange: Exchange,
  url: TargetUrl,
  method: string,
): { readonly href: string; readonly method: string } | null => {
  if (exchange.cause !== null || ![301, 302, 303, 307, 308].includes(exchange.status)) return null;
  const location = parseFields(exchange.head).headers.Location;
  if (location === undefined) return null;
  const href = URL.canParse(location, url.href) ? new URL(location, url.href).href : location;
  const becomesGet = exchange.status === 303 ? method !== 'HEAD' : exchange.status < 303 && method === 'POST';
  return { href, method: becomesGet ? 'GET' : method };
};

/** Another host must not get what was meant for the first. */
const withoutCredentials = (params: Params): Params => ({
  ...params,
  cookies: {},
  headers: Object.fromEntries(
    Object.entries(params.headers ?? {}).filter(([name]) => !/^(authorization|cookie|host)$/i.test(name)),
  ),
});
