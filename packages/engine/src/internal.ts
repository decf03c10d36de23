/**
 * For Muster's own tests and measurements: not under semantic versioning.
 *
 * @packageDocumentation
 */
export { BaseUrl } from './http/base-url.js';
export { Connection, type ConnectionShared, tlsSettings } from './http/connection.js';
export { ConnectionPool } from './http/connection-pool.js';
export { CookieJar } from './http/cookie-jar.js';
export { Deadlines } from './http/deadlines.js';
export { CAUSES, statusErrorCode } from './http/error-codes.js';
export type { Exchange, ExchangeSink, Outgoing } from './http/exchange.js';
export { HeadMemo } from './http/head-memo.js';
export { HttpClient, type HttpClientPorts, type HttpOptions } from './http/http-client.js';
export type { HttpUser, RecordedRequest } from './http/http-user.js';
export { type Lookup, Resolver } from './http/resolver.js';
export { ResponseParser } from './http/response-parser.js';
export { TargetUrls } from './http/target-url.js';
export { WriteTurn } from './http/write-turn.js';
