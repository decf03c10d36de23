/**
 * For Muster's own tests and measurements: not under semantic versioning.
 *
 * @packageDocumentation
 */
export { Connection, type ConnectionShared, type Origin } from './http/connection.js';
export { CookieJar } from './http/cookie-jar.js';
export { Deadlines } from './http/deadlines.js';
export { CAUSES, statusErrorCode } from './http/error-codes.js';
export type { Exchange, Outgoing } from './http/exchange.js';
export {
  type ConnectionPool,
  HttpClient,
  type HttpOptions,
  type HttpUser,
  type RecordedRequest,
} from './http/http-client.js';
export { parseFields, ResponseParser } from './http/response-parser.js';
export { TargetUrls } from './http/target-url.js';
