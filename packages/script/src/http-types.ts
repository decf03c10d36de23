/** Which statuses count as expected; made by `http.expectedStatuses`. */
export interface ExpectedStatuses {
  accepts(status: number): boolean;
}

/** A status, or a range with both ends in it. */
export type StatusRange = number | { readonly min: number; readonly max: number };

/** A cookie as k6's jar takes and shows it. */
export interface CookieOptions {
  readonly domain?: string;
  readonly path?: string;
  /** A date as in `Set-Cookie`. */
  readonly expires?: string;
  /** Seconds. */
  readonly max_age?: number;
  readonly secure?: boolean;
  readonly http_only?: boolean;
}

/** A cookie that an answer brought. */
export interface ResponseCookie {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  readonly path: string;
  readonly expires: string;
  /** Seconds; 0 where the answer named none. */
  readonly max_age: number;
  readonly secure: boolean;
  readonly http_only: boolean;
}

/** Cookies of a virtual user, or of whoever makes one with `new http.CookieJar()`. */
export interface CookieJar {
  /** The cookies that a request to this URL would carry: by name, all values. */
  cookiesForURL(url: string): Record<string, string[]>;
  /** @returns false when the URL may not set such a cookie */
  set(url: string, name: string, value: string, options?: CookieOptions): boolean;
  /** Removes all cookies that a request to this URL would carry. */
  clear(url: string): void;
  delete(url: string, name: string): void;
}

/** A URL with a name for its metrics, made by `` http.url`...` ``: `/items/${id}` counts as one, whatever the id. */
export interface NamedUrl {
  readonly url: string;
  readonly name: string;
}

/** What a request may be given beside its URL and body. */
export interface Params {
  readonly headers?: Readonly<Record<string, string>>;
  /** Tags of this request's metrics; `name` groups URLs that differ (default: the URL). */
  readonly tags?: Readonly<Record<string, string>>;
  /**
   * Sent with this request; the user's own cookies are sent as well, but for one of the same name where `replace` says
   * so.
   */
  readonly cookies?: Readonly<Record<string, string | { readonly value: string; readonly replace?: boolean }>>;
  /** In the place of the user's own jar. */
  readonly jar?: CookieJar;
  /** How many redirects are followed; the answer after that is given as it is. @default options.maxRedirects (10) */
  readonly redirects?: number;
  /** Milliseconds, or a duration such as `'5s'`, for the whole exchange. @default 60s */
  readonly timeout?: number | string;
  /** How the body is encoded before it is sent: `gzip`, `deflate`, `br`, or several with commas between. */
  readonly compression?: string;
  /** How credentials in the URL are sent. @default 'basic' */
  readonly auth?: 'basic';
  /** `none` throws the body away as it comes. @default 'text', or 'none' with options.discardResponseBodies */
  readonly responseType?: 'text' | 'binary' | 'none';
  /** Which statuses count as expected; null judges none. @default that of `http.setResponseCallback`, else 200 to 399 */
  readonly responseCallback?: ExpectedStatuses | null;
  /** Which statuses count as expected, as a list. */
  readonly expectedStatuses?: readonly StatusRange[];
}

/** A part of a multipart form, made by `http.file`. */
export interface FileData {
  readonly data: string | Uint8Array;
  readonly filename: string;
  readonly content_type: string;
}

type FormScalar = string | number | boolean;
/** A list repeats its field. */
export type FormValue = FormScalar | FileData | readonly FormScalar[];

/**
 * Text and bytes go as they are. An object goes as `application/x-www-form-urlencoded`, or as `multipart/form-data` when
 * a file is in it, as in k6.
 */
export type RequestBody = string | Uint8Array | ArrayBuffer | Readonly<Record<string, FormValue>> | null;

/** Where the time of an exchange went, in milliseconds (k6's names). */
export interface Timings {
  /** Waiting for a connection, its making included. */
  readonly blocked: number;
  readonly connecting: number;
  readonly tls_handshaking: number;
  readonly sending: number;
  /** From the last byte sent to the first received. */
  readonly waiting: number;
  readonly receiving: number;
  /** sending + waiting + receiving. */
  readonly duration: number;
}

/** An answer; also when there was none: then `status` is 0 and `error` says why. */
export interface Response {
  readonly url: string;
  readonly status: number;
  readonly status_text: string;
  readonly proto: string;
  /** By canonical name (`Content-Type`); several of a name are joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** What this answer set, by name. */
  readonly cookies: Readonly<Record<string, readonly ResponseCookie[]>>;
  /**
   * Text, or bytes with `responseType: 'binary'`, decoded as its content-encoding says; null when there is none or it was
   * not kept, or does not decode (then `error_code` is 1701 and the request has failed).
   */
  readonly body: string | Uint8Array | null;
  /** The parsed body, or a part of it by a path such as `user.names.0`; a dot in a name is written `\\.`. */
  json(path?: string): unknown;
  readonly timings: Timings;
  /** Empty when an answer came. */
  readonly error: string;
  /** k6's number for the cause; 0 when there was none. */
  readonly error_code: number;
  readonly remote_ip: string;
  readonly remote_port: number;
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
  };
}

/** `[method, url, body?, params?]`, or an object of the same, or a URL to get. */
export type BatchRequest =
  | string
  | NamedUrl
  | readonly [method: string, url: string | NamedUrl, body?: RequestBody, params?: Params]
  | { readonly method: string; readonly url: string | NamedUrl; readonly body?: RequestBody; readonly params?: Params };

/** The HTTP client of a virtual user. Calls resolve also when there is no answer, unless `options.throw`. */
export interface Http {
  get(url: string | NamedUrl, params?: Params): Promise<Response>;
  head(url: string | NamedUrl, params?: Params): Promise<Response>;
  post(url: string | NamedUrl, body?: RequestBody, params?: Params): Promise<Response>;
  put(url: string | NamedUrl, body?: RequestBody, params?: Params): Promise<Response>;
  patch(url: string | NamedUrl, body?: RequestBody, params?: Params): Promise<Response>;
  del(url: string | NamedUrl, body?: RequestBody, params?: Params): Promise<Response>;
  options(url: string | NamedUrl, body?: RequestBody, params?: Params): Promise<Response>;
  request(method: string, url: string | NamedUrl, body?: RequestBody, params?: Params): Promise<Response>;
  /** The same as `request`; k6 has both. */
  asyncRequest(method: string, url: string | NamedUrl, body?: RequestBody, params?: Params): Promise<Response>;
  /** Several at a time, on connections of their own; the answers come in the order of the requests. */
  batch(requests: readonly BatchRequest[]): Promise<Response[]>;
  /** The same with names. */
  batch<K extends string>(requests: Readonly<Record<K, BatchRequest>>): Promise<Record<K, Response>>;
  /** `` http.url`https://shop/items/${id}` ``: metrics see the text without the values. */
  url(strings: TemplateStringsArray, ...values: readonly unknown[]): NamedUrl;
  /** A part of a form that goes as a file. */
  file(data: string | Uint8Array | ArrayBuffer, filename?: string, contentType?: string): FileData;
  expectedStatuses(...statuses: readonly StatusRange[]): ExpectedStatuses;
  /** Which statuses this user's requests expect from now on; null judges none. */
  setResponseCallback(callback: ExpectedStatuses | null): void;
  /** The user's own jar. It is empty at the start of each iteration, unless `options.noCookiesReset`. */
  cookieJar(): CookieJar;
  readonly CookieJar: new () => CookieJar;
  /**
   * The same client with another base for relative URLs: `http.at('https://shop.example').get('/basket')`. Connections and
   * cookies stay the user's. Throws when `base` is not an absolute http or https URL.
   * @default options.baseUrl
   */
  at(base: string | URL): Http;
}
