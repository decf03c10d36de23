import { DEFAULT_FRONTEND, MusterError, PingResult, parseEndpoint } from '@muster/protocol';
import { Asker } from './asker.js';
import { Connection } from './connection.js';
import { EventFeed } from './event-feed.js';
import type { CallOptions } from './give-up.js';
import { greet } from './greet.js';
import type { Muster } from './muster.js';

/** How a broker is connected to, and asked. */
export interface ConnectOptions extends CallOptions {
  /** How long connecting may take, and each answer where a call says nothing else. @default 5_000 */
  readonly timeoutMs?: number;
  /** Gives up connecting, and later whatever is under way on the connection. */
  readonly signal?: AbortSignal;
  /** How long a followed run's broker may be away. @default 30_000 */
  readonly patienceMs?: number;
  /** Sent with every question, for brokers that ask for one. */
  readonly token?: string;
  /**
   * Turns an endpoint that the broker names into one that can be reached from here, such as the near end of a tunnel.
   * @default the endpoint itself
   */
  readonly reach?: (endpoint: string) => Promise<string>;
}

const TIMEOUT_MS = 5_000;
const PATIENCE_MS = 30_000;

/**
 * Connects to a broker and agrees on a protocol version. The connection is kept up by itself from then on.
 *
 * @param endpoint the broker's frontend
 * @throws MusterError `BAD_ENDPOINT`, `BROKER_UNREACHABLE`, `VERSION_MISMATCH`, `NOT_SUPPORTED`, `ABORTED`
 */
export const connect = async (endpoint: string = DEFAULT_FRONTEND, options: ConnectOptions = {}): Promise<Muster> => {
  const { signal, token, timeoutMs = TIMEOUT_MS, patienceMs = PATIENCE_MS, reach = async (named) => named } = options;
  const where = parseEndpoint(endpoint);
  if (where.transport === 'tcp' && where.port === '*') {
    throw new MusterError('BAD_ENDPOINT', `${endpoint} has no port`, { hint: 'write tcp://HOST:PORT' });
  }
  const asker = new Asker({ endpoint, timeoutMs, token, signal });
  try {
    await greet(asker, {});
    const { endpoints } = await asker.ask({ type: 'ping' }, (result) => PingResult.parse(result));
    const feed = new EventFeed(endpoint, await reach(endpoints.events));
    return new Connection({ asker, feed, timeoutMs, patienceMs, signal, reach });
  } catch (thrown) {
    await asker.close(0);
    throw thrown;
  }
};
