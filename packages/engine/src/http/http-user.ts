import type { ConnectionPool } from './connection-pool.js';
import type { CookieJar } from './cookie-jar.js';
import type { Exchange } from './exchange.js';

/** What the client needs of the virtual user that calls it. */
export interface HttpUser {
  readonly connections: ConnectionPool;
  readonly jar: CookieJar;
  /** True once the iteration was cut off: nothing more is to come of it. */
  readonly cancelled: boolean;
  /**
   * Called once per exchange, at its end; each hop of a redirect is one.
   * @param expected the answer is one that counts as success
   */
  record(exchange: Exchange, request: RecordedRequest, expected: boolean): void;
}

/** What a metric must know of the request. */
export interface RecordedRequest {
  readonly name: string;
  /** Empty for an exchange that was cut off with its iteration: it is counted, not judged. */
  readonly method: string;
  readonly tags: Readonly<Record<string, string>> | undefined;
}
