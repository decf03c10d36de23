import { DEFAULT_FRONTEND, MusterError, parseEndpoint } from '@muster/protocol';
import type { ConnectOptions } from '../connect.js';
import { unreachable } from '../greet.js';
import { OriginalAsker } from './original-asker.js';
import type { OriginalClient } from './original-client.js';
import { OriginalConnection } from './original-connection.js';

/** How the commands of the original are asked. */
export interface ConnectOriginalOptions extends Omit<ConnectOptions, 'patienceMs' | 'token'> {
  /** Questions that may be under way at once; further ones wait in line. @default 10 */
  readonly connections?: number;
  /**
   * A question that only reads and stays without an answer for so long is asked again on another connection, after
   * twice as long once more, and so on within its time. @default 2_000
   */
  readonly askAgainMs?: number;
}

const TIMEOUT_MS = 20_000;
const ASK_AGAIN_MS = 2_000;
const CONNECTIONS = 10;

/**
 * Connects for the commands of the original, to a broker of Muster or of the original: everything is JSON, and what
 * the broker's `PING` says tells which it is.
 *
 * @param endpoint the broker's frontend
 * @throws MusterError `BAD_ENDPOINT`, `BROKER_UNREACHABLE`, `BAD_CONFIG`, `ABORTED`
 */
export const connectOriginal = async (
  endpoint: string = DEFAULT_FRONTEND,
  options: ConnectOriginalOptions = {},
): Promise<OriginalClient> => {
  const { signal, timeoutMs = TIMEOUT_MS, connections = CONNECTIONS, askAgainMs = ASK_AGAIN_MS } = options;
  const reach = options.reach ?? (async (named: string) => named);
  const where = parseEndpoint(endpoint);
  if (where.transport === 'tcp' && where.port === '*') {
    throw new MusterError('BAD_ENDPOINT', `${endpoint} has no port`, { hint: 'write tcp://HOST:PORT' });
  }
  if (!Number.isSafeInteger(connections) || connections < 1)
    throw new MusterError('BAD_CONFIG', `connections is a whole number from 1, not ${connections}`);
  const asker = new OriginalAsker({ endpoint, timeoutMs, connections, askAgainMs, signal });
  const client = new OriginalConnection({ asker, endpoint, signal, reach });
  try {
    await client.ping();
    return client;
  } catch (thrown) {
    await client.close();
    const error = MusterError.from(thrown);
    throw error.code === 'TIMEOUT' ? await unreachable(endpoint, error) : error;
  }
};
