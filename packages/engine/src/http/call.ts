import type { ExpectedStatuses, Params, Response } from '@muster/script';
import { Body } from './body-buffer.js';
import type { Connection, ConnectionShared } from './connection.js';
import type { CookieJar } from './cookie-jar.js';
import { decodeBody } from './decode-body.js';
import { CAUSES, type ErrorCause } from './error-codes.js';
import { type Exchange, type ExchangeSink, type Outgoing, unsentExchange } from './exchange.js';
import type { TypedBody } from './form.js';
import { HttpResponse } from './http-response.js';
import type { HttpUser, RecordedRequest } from './http-user.js';
import { makeOutgoing, type OutgoingDefaults } from './outgoing.js';
import { paramsForHop, type Redirect, redirectOf } from './redirect.js';
import type { TargetUrl, TargetUrls } from './target-url.js';
import type { Settler } from './write-turn.js';

/** What all calls of a test share. */
export interface CallContext {
  readonly urls: TargetUrls;
  readonly shared: ConnectionShared;
  readonly defaults: OutgoingDefaults;
  readonly maxRedirects: number;
  readonly throws: boolean;
}

/** What a call asks for. */
export interface CallRequest extends RecordedRequest {
  readonly method: string;
  readonly url: TargetUrl;
  readonly body: TypedBody | null;
  readonly params: Params;
  /** Null: its user's. */
  readonly jar: CookieJar | null;
  readonly expects: ExpectedStatuses;
  /** The `name` tag where the author gave one; else the name is each hop's URL. */
  readonly givenName: string | undefined;
}

/** One call of `http`: an exchange, and those that its redirects lead to. Settles unless its iteration is cut off. */
export class Call implements ExchangeSink, Settler {
  readonly #context: CallContext;
  readonly #user: HttpUser;
  readonly #resolve: (response: Response) => void;
  readonly #reject: (error: Error) => void;
  #request: CallRequest;
  #out: Outgoing | null = null;
  #connection: Connection | null = null;
  #hops = 0;
  /** From its last exchange on. */
  #response: HttpResponse | null = null;
  #failed: ErrorCause | null = null;

  constructor(
    context: CallContext,
    user: HttpUser,
    request: CallRequest,
    resolve: (response: Response) => void,
    reject: (error: Error) => void,
  ) {
    this.#context = context;
    this.#user = user;
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Writes the request and sends it. */
  start(): void {
    const { method, url, body, params, jar: given } = this.#request;
    const jar = given ?? this.#user.jar;
    const out = makeOutgoing({ method, url, body, params, jar }, this.#context.defaults);
    if (typeof out === 'string') this.#settle(unsentExchange(CAUSES.invalidRequest, out));
    else this.send(out);
  }

  send(out: Outgoing): void {
    const { url } = this.#request;
    this.#out = out;
    this.#connection = this.#user.connections.take(url.origin, this.#context.shared);
    this.#connection.send(out, url.memo, this);
  }

  ended(exchange: Exchange): void {
    const user = this.#user;
    if (this.#connection !== null) user.connections.give(this.#connection);
    this.#connection = null;
    if (user.cancelled) {
      this.#recordCutOff(exchange);
      return;
    }
    const { head } = exchange;
    if (head?.hasCookies) this.#takeCookies(head.fields.cookies);
    const redirect = head === null ? null : redirectOf(head, this.#request.url, this.#request.method);
    if (redirect === null || this.#request.params.redirects === this.#hops) this.#settle(exchange);
    else if (this.#hops >= (this.#request.params.redirects ?? this.#context.maxRedirects)) this.#tooMany(exchange);
    else this.#follow(exchange, redirect);
  }

  #takeCookies(lines: readonly string[]): void {
    const { url } = this.#request;
    const jar = this.#request.jar ?? this.#user.jar;
    for (const line of lines) jar.take(line, url.cookiePlace, Date.now());
  }

  #tooMany(exchange: Exchange): void {
    const most = this.#context.maxRedirects;
    if (most === 0) this.#settle(exchange);
    else this.#settle({ ...exchange, cause: CAUSES.tooManyRedirects, detail: `${most} were allowed` });
  }

  #follow(exchange: Exchange, redirect: Redirect): void {
    this.#record(exchange);
    const { url, params, body } = this.#request;
    const target = this.#context.urls.get(redirect.href);
    if (target === null) {
      this.#settle(unsentExchange(CAUSES.invalidUrl, redirect.href.slice(0, 200)));
      return;
    }
    this.#hops += 1;
    this.#request = {
      ...this.#request,
      method: redirect.method,
      url: target,
      name: this.#request.givenName ?? target.href,
      body: redirect.keepsBody ? body : null,
      params: paramsForHop(params, redirect, target.origin === url.origin),
    };
    this.start();
  }

  /** Cut off with its iteration: what happened is counted, and nothing goes on. */
  #recordCutOff(exchange: Exchange): void {
    const cutOff = exchange.cause === null ? exchange : { ...exchange, cause: CAUSES.interrupted };
    this.#user.record(cutOff, { name: this.#request.url.href, method: '', tags: undefined }, true);
  }

  #record(exchange: Exchange): void {
    const request = this.#request;
    this.#user.record(exchange, request, exchange.cause === null && request.expects.accepts(exchange.status));
  }

  #settle(ended: Exchange): void {
    const exchange = decoded(ended);
    this.#record(exchange);
    this.#response = new HttpResponse(exchange, this.#request, this.#out);
    this.#failed = exchange.cause;
    this.#context.shared.writes.settle(this);
  }

  settleNow(): void {
    // Cut off since its answer came.
    if (this.#user.cancelled || this.#response === null) return;
    const cause = this.#failed;
    const { method, url } = this.#request;
    if (cause !== null && this.#context.throws)
      this.#reject(new Error(`[${cause.name}] ${method} ${url.href}: ${this.#response.error}`));
    else this.#resolve(this.#response);
  }
}

/** A body that is kept is decoded before its request is counted: one that does not decode is a failed request. */
const decoded = (exchange: Exchange): Exchange => {
  const { head, body } = exchange;
  if (head === null || !head.encoded || body === null || exchange.cause !== null) return exchange;
  const result = decodeBody(body.bytes, head.fields.headers['Content-Encoding'] ?? '');
  if ('plain' in result) return { ...exchange, body: new Body(result.plain, 0, result.plain.length) };
  return { ...exchange, body: null, cause: CAUSES.badEncoding, detail: result.fault };
};
