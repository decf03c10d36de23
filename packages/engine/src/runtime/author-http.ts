import { parseDuration, type ResolvedOptions, resolveOptions } from '@muster/plan';
import type { Http } from '@muster/script';
import { BaseUrl } from '../http/base-url.js';
import { type ConnectionShared, tlsSettings } from '../http/connection.js';
import { Deadlines } from '../http/deadlines.js';
import { HttpClient } from '../http/http-client.js';
import type { HttpUser } from '../http/http-user.js';
import { Resolver } from '../http/resolver.js';
import { TargetUrls } from '../http/target-url.js';
import { WriteTurn } from '../http/write-turn.js';

/** The load path as tests call it: there when the file is loaded, with the test's options as soon as they are known. */
export class AuthorHttp {
  /** Free functions, so that `const { get } = http` works. */
  readonly http: Http;
  readonly #user: () => HttpUser;
  readonly #deadlines = new Deadlines();
  readonly #writes = new WriteTurn();
  #network: Network;
  #client: HttpClient;

  /** @param user whose call it is; throws outside of any function of the test */
  constructor(user: () => HttpUser) {
    this.#user = user;
    const options = defaultOptions();
    this.#network = this.#connect(options);
    this.#client = this.#make(options);
    this.http = this.#facade(() => this.#client);
  }

  /** Free functions for a client that may still change. */
  #facade(client: () => HttpClient): Http {
    return {
      get: (url, params) => client().get(url, params),
      head: (url, params) => client().head(url, params),
      post: (url, body, params) => client().post(url, body, params),
      put: (url, body, params) => client().put(url, body, params),
      patch: (url, body, params) => client().patch(url, body, params),
      del: (url, body, params) => client().del(url, body, params),
      options: (url, body, params) => client().options(url, body, params),
      request: (method, url, body, params) => client().request(method, url, body, params),
      asyncRequest: (method, url, body, params) => client().asyncRequest(method, url, body, params),
      batch: ((requests: never) => client().batch(requests)) as Http['batch'],
      url: (strings, ...values) => client().url(strings, ...values),
      file: (data, filename, contentType) => client().file(data, filename, contentType),
      expectedStatuses: (...statuses) => client().expectedStatuses(...statuses),
      setResponseCallback: (callback) => client().setResponseCallback(callback),
      cookieJar: () => client().cookieJar(),
      // Made by whichever client: a jar is a jar.
      CookieJar: this.#client.CookieJar,
      at: (base) => {
        client().at(base);
        return this.#facade(() => client().at(base));
      },
    };
  }

  /** The options are known. */
  begin(options: ResolvedOptions): void {
    this.#network = this.#connect(options);
    this.#client = this.#make(options);
  }

  /** How names, addresses and TLS are dealt with, for requests and for sockets. */
  get network(): Network {
    return this.#network;
  }

  #connect(options: ResolvedOptions): Network {
    return {
      urls: new TargetUrls(options.hosts, options.userAgent),
      base: new BaseUrl(options.baseUrl),
      shared: {
        deadlines: this.#deadlines,
        writes: this.#writes,
        resolver: new Resolver(options.dns),
        tls: tlsSettings(options.insecureSkipTLSVerify),
      },
    };
  }

  #make(options: ResolvedOptions): HttpClient {
    return new HttpClient({ user: this.#user, ...this.#network, options, parseDuration });
  }
}

/** What all connections of a test share. */
export interface Network {
  readonly urls: TargetUrls;
  readonly base: BaseUrl;
  readonly shared: ConnectionShared;
}

/** What a test without options has. */
const defaultOptions = (): ResolvedOptions => {
  const resolved = resolveOptions({});
  if (!resolved.ok) throw new Error('a test without options has valid options');
  return resolved.options;
};
