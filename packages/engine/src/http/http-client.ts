import type {
  BatchRequest,
  ExpectedStatuses,
  FileData,
  Http,
  NamedUrl,
  Params,
  RequestBody,
  Response,
  StatusRange,
} from '@muster/script';
import { BaseUrl } from './base-url.js';
import { type BatchEntry, batchEntry, runBatch } from './batch.js';
import { Call, type CallContext, type CallRequest } from './call.js';
import type { ConnectionShared } from './connection.js';
import type { CookieJar } from './cookie-jar.js';
import { CAUSES } from './error-codes.js';
import { unsentExchange } from './exchange.js';
import { ANY_EXPECTED, DEFAULT_EXPECTED, NamedStatuses } from './expected-statuses.js';
import { FormFile } from './form.js';
import { HttpResponse } from './http-response.js';
import type { HttpUser } from './http-user.js';
import { plainGet } from './outgoing.js';
import { bodyOf } from './request-body.js';
import { ScriptCookieJar } from './script-cookie-jar.js';
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

export interface HttpClientPorts {
  /** Whose call it is; asked once per call, before anything is awaited. */
  readonly user: () => HttpUser;
  readonly urls: TargetUrls;
  /** Where relative URLs lead. @default nowhere */
  readonly base?: BaseUrl;
  readonly shared: ConnectionShared;
  readonly options: HttpOptions;
  /** Reads `'5s'`; null when it is no duration. */
  readonly parseDuration: (given: unknown) => number | null;
}

/** Clients with a base of their own that are kept. */
const MAX_BOUND = 100;
const NO_PARAMS: Params = {};

/** k6's `http`, on our own connections. One client serves all users of a worker. */
export class HttpClient implements Http {
  readonly #user: () => HttpUser;
  readonly #options: HttpOptions;
  readonly #context: CallContext;
  readonly #ports: HttpClientPorts;
  readonly #base: BaseUrl;
  /** What `setResponseCallback` was told, by the jar: that is what a user has one of. */
  readonly #callbacks = new WeakMap<CookieJar, ExpectedStatuses>();
  readonly #bound = new Map<string, HttpClient>();
  /** Nobody has set a callback: the usual case, which needs no look at the table. */
  #noCallbacks = true;
  #lastPlain: CallRequest | null = null;
  readonly CookieJar: Http['CookieJar'];

  constructor(ports: HttpClientPorts) {
    const { options, urls } = ports;
    this.#ports = ports;
    this.#base = ports.base ?? new BaseUrl('');
    this.#user = ports.user;
    this.#options = options;
    this.#context = {
      urls,
      shared: ports.shared,
      defaults: {
        userAgent: urls.userAgent,
        keepBody: !options.discardResponseBodies,
        close: options.noConnectionReuse,
        parseDuration: ports.parseDuration,
      },
      maxRedirects: options.maxRedirects,
      throws: options.throw,
    };
    const target = (href: string): TargetUrl | null => this.#target(href);
    this.CookieJar = class extends ScriptCookieJar {
      constructor() {
        super(target);
      }
    };
  }

  get(url: string | NamedUrl, params?: Params): Promise<Response> {
    return this.#call(this.#user(), 'GET', url, null, params ?? NO_PARAMS);
  }
  head(url: string | NamedUrl, params?: Params): Promise<Response> {
    return this.#call(this.#user(), 'HEAD', url, null, params ?? NO_PARAMS);
  }
  post(url: string | NamedUrl, body?: RequestBody, params?: Params): Promise<Response> {
    return this.#call(this.#user(), 'POST', url, body, params ?? NO_PARAMS);
  }
  put(url: string | NamedUrl, body?: RequestBody, params?: Params): Promise<Response> {
    return this.request('PUT', url, body, params);
  }
  patch(url: string | NamedUrl, body?: RequestBody, params?: Params): Promise<Response> {
    return this.request('PATCH', url, body, params);
  }
  del(url: string | NamedUrl, body?: RequestBody, params?: Params): Promise<Response> {
    return this.request('DELETE', url, body, params);
  }
  options(url: string | NamedUrl, body?: RequestBody, params?: Params): Promise<Response> {
    return this.request('OPTIONS', url, body, params);
  }
  asyncRequest(method: string, url: string | NamedUrl, body?: RequestBody, params?: Params): Promise<Response> {
    return this.request(method, url, body, params);
  }

  request(method: string, url: string | NamedUrl, body?: RequestBody, params?: Params): Promise<Response> {
    return this.#call(this.#user(), method.toUpperCase(), url, body, params ?? NO_PARAMS);
  }

  batch(requests: readonly BatchRequest[]): Promise<Response[]>;
  batch<K extends string>(requests: Readonly<Record<K, BatchRequest>>): Promise<Record<K, Response>>;
  async batch(
    requests: readonly BatchRequest[] | Readonly<Record<string, BatchRequest>>,
  ): Promise<Response[] | Record<string, Response>> {
    const user = this.#user();
    const entries = Object.values(requests as Readonly<Record<string, BatchRequest>>).map(batchEntry);
    const answers = await runBatch(
      entries,
      { all: this.#options.batch, perHost: this.#options.batchPerHost },
      (entry: BatchEntry) => this.#target(hrefOf(entry.url))?.origin.key ?? '',
      ({ method, url, body, params }) => this.#call(user, method.toUpperCase(), url, body, params ?? NO_PARAMS),
    );
    if (Array.isArray(requests)) return answers;
    return Object.fromEntries(Object.keys(requests).map((name, index) => [name, answers[index] as Response]));
  }

  url(strings: TemplateStringsArray, ...values: readonly unknown[]): NamedUrl {
    return { url: String.raw({ raw: strings }, ...values), name: strings.join(`\${}`) };
  }

  file(data: string | Uint8Array | ArrayBuffer, filename?: string, contentType?: string): FileData {
    return new FormFile(data, filename, contentType);
  }

  expectedStatuses(...statuses: readonly StatusRange[]): ExpectedStatuses {
    return new NamedStatuses(statuses);
  }

  setResponseCallback(callback: ExpectedStatuses | null): void {
    this.#noCallbacks = false;
    this.#callbacks.set(this.#user().jar, callback ?? ANY_EXPECTED);
  }

  cookieJar(): InstanceType<Http['CookieJar']> {
    return new ScriptCookieJar((href) => this.#target(href), this.#user().jar);
  }

  /**
   * The same client with another base for relative URLs; it shares connections, cookies and all.
   * @throws TypeError when that is not an http or https URL
   */
  at(base: string | URL): HttpClient {
    const href = String(base);
    if (this.#context.urls.get(href) === null)
      throw new TypeError(`http.at takes an absolute http or https URL, not ${JSON.stringify(href.slice(0, 200))}`);
    let bound = this.#bound.get(href);
    if (bound === undefined) {
      bound = new HttpClient({ ...this.#ports, base: new BaseUrl(href) });
      if (this.#bound.size >= MAX_BOUND) this.#bound.clear();
      this.#bound.set(href, bound);
    }
    return bound;
  }

  #call(
    user: HttpUser,
    method: string,
    url: string | NamedUrl,
    body: RequestBody | undefined,
    params: Params,
  ): Promise<Response> {
    // What an iteration that was cut off still does must lead nowhere.
    if (user.cancelled) return new Promise(() => undefined);
    const href = hrefOf(url);
    const target = this.#context.urls.get(href) ?? this.#target(href);
    if (target === null) return this.#invalidUrl(user, method, href, params);
    const isPlain = params === NO_PARAMS && this.#noCallbacks && method === 'GET' && typeof url === 'string';
    return new Promise((resolve, reject) => {
      const request = isPlain ? this.#plainRequest(target) : this.#request(user, method, url, target, body, params);
      const call = new Call(this.#context, user, request, resolve, reject);
      if (method === 'GET' && params === NO_PARAMS && user.jar.empty && !this.#context.defaults.close)
        call.send(this.#plainGet(target));
      else call.start();
    });
  }

  #request(
    user: HttpUser,
    method: string,
    url: string | NamedUrl,
    target: TargetUrl,
    body: RequestBody | undefined,
    params: Params,
  ): CallRequest {
    const givenName = params.tags?.name ?? (typeof url === 'string' ? undefined : url.name);
    return {
      method,
      url: target,
      body: bodyOf(body),
      params,
      jar: ScriptCookieJar.jarOf(params.jar),
      expects: this.#expected(user, params),
      givenName,
      name: givenName ?? target.href,
      tags: params.tags,
    };
  }

  /** A GET of nothing but a URL: the same for all users, and most often the same as before. */
  #plainRequest(url: TargetUrl): CallRequest {
    if (this.#lastPlain?.url !== url)
      this.#lastPlain = {
        method: 'GET',
        url,
        body: null,
        params: NO_PARAMS,
        jar: null,
        expects: DEFAULT_EXPECTED,
        givenName: undefined,
        name: url.href,
        tags: undefined,
      };
    return this.#lastPlain;
  }

  /** The parts of a URL, also of a relative one; null when it is none. */
  #target(href: string): TargetUrl | null {
    return this.#context.urls.get(this.#base.resolve(href));
  }

  #plainGet(url: TargetUrl): NonNullable<TargetUrl['plainGet']> {
    url.plainGet ??= plainGet(url, this.#context.defaults);
    return url.plainGet;
  }

  #expected(user: HttpUser, params: Params): ExpectedStatuses {
    if (params === NO_PARAMS && this.#noCallbacks) return DEFAULT_EXPECTED;
    if (params.responseCallback !== undefined) return params.responseCallback ?? ANY_EXPECTED;
    if (params.expectedStatuses !== undefined) return new NamedStatuses(params.expectedStatuses);
    return this.#callbacks.get(user.jar) ?? DEFAULT_EXPECTED;
  }

  #invalidUrl(user: HttpUser, method: string, href: string, params: Params): Promise<Response> {
    const shown = href.slice(0, 200);
    const exchange = unsentExchange(CAUSES.invalidUrl, this.#base.whyNot(href));
    const response = new HttpResponse(exchange, { method, url: { href }, params: NO_PARAMS }, null);
    user.record(exchange, { name: params.tags?.name ?? shown, method, tags: params.tags }, false);
    return this.#context.throws
      ? Promise.reject(new Error(`[${CAUSES.invalidUrl.name}] ${method} ${shown}: ${response.error}`))
      : Promise.resolve(response);
  }
}

const hrefOf = (url: string | NamedUrl): string => (typeof url === 'object' && url !== null ? url.url : String(url));
