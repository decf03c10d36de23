/** What a request may be given beside its URL and body. */
export interface Params {
  readonly headers?: Readonly<Record<string, string>>;
  /** Tags of this request's metrics; `name` groups URLs that differ (default: the URL). */
  readonly tags?: Readonly<Record<string, string>>;
  /** Sent with this request alone; the user's own cookies are sent as well. */
  readonly cookies?: Readonly<Record<string, string>>;
  /** How many redirects are followed. @default options.maxRedirects (10) */
  readonly redirects?: number;
  /** Milliseconds, or a duration such as `'5s'`, for the whole exchange. @default 60s */
  readonly timeout?: number | string;
  /** `none` throws the body away as it comes. @default 'text', or 'none' with options.discardResponseBodies */
  readonly responseType?: 'text' | 'binary' | 'none';
  /** Which statuses count as expected. @default 200 to 399 */
  readonly expectedStatuses?: readonly (number | { readonly min: number; readonly max: number })[];
}

/** Text and bytes go as they are; an object goes as `application/x-www-form-urlencoded`, as in k6. */
export type RequestBody =
  | string
  | Uint8Array
  | ArrayBuffer
  | Readonly<Record<string, string | number | boolean>>
  | null;

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
  /** By name; the latest value. */
  readonly cookies: Readonly<Record<string, string>>;
  /** Text, or bytes with `responseType: 'binary'`, or null. */
  readonly body: string | Uint8Array | null;
  /** The parsed body, or a part of it by a path such as `user.names.0`. */
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
  | readonly [method: string, url: string, body?: RequestBody, params?: Params]
  | { readonly method: string; readonly url: string; readonly body?: RequestBody; readonly params?: Params };

/** The HTTP client of a virtual user. Calls resolve also when there is no answer, unless `options.throw`. */
export interface Http {
  get(url: string, params?: Params): Promise<Response>;
  head(url: string, params?: Params): Promise<Response>;
  post(url: string, body?: RequestBody, params?: Params): Promise<Response>;
  put(url: string, body?: RequestBody, params?: Params): Promise<Response>;
  patch(url: string, body?: RequestBody, params?: Params): Promise<Response>;
  del(url: string, body?: RequestBody, params?: Params): Promise<Response>;
  options(url: string, body?: RequestBody, params?: Params): Promise<Response>;
  request(method: string, url: string, body?: RequestBody, params?: Params): Promise<Response>;
  /** Several at a time, on connections of their own; the answers come in the order of the requests. */
  batch(requests: readonly BatchRequest[]): Promise<Response[]>;
}
