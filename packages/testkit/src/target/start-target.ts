import { createServer, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import type { TestCertificate } from './certificates.js';
import { Counts, type TargetCounts } from './counts.js';
import { makeRoutes } from './routes.js';
import { TargetConnection } from './target-connection.js';

export interface TargetOptions {
  /** @default 0: any free one */
  readonly port?: number;
  /** @default 127.0.0.1 */
  readonly host?: string;
  /** Serves TLS with this certificate. */
  readonly tls?: TestCertificate;
  /** What becomes of each connection: served, closed hard at once, or taken and never read. @default 'serve' */
  readonly accept?: 'serve' | 'reset' | 'stall';
}

/** A running target. */
export interface Target extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly counts: TargetCounts;
  /** Counts from zero. */
  reset(): void;
  /** Cuts all connections and stops. */
  close(): Promise<void>;
}

/** Starts a small HTTP/1.1 server of our own, which can be told to misbehave and counts for itself. */
export const startTarget = async (options: TargetOptions = {}): Promise<Target> => {
  const host = options.host ?? '127.0.0.1';
  const counts = new Counts();
  const route = makeRoutes();
  const sockets = new Set<Socket>();
  const context = options.tls === undefined ? undefined : createSecureContext(options.tls);
  const accept = (tcp: Socket): void => {
    counts.connections += 1;
    sockets.add(tcp);
    tcp.setNoDelay(true);
    tcp.on('error', () => tcp.destroy());
    tcp.on('close', () => sockets.delete(tcp));
    if (options.accept === 'reset') tcp.resetAndDestroy();
    else if (options.accept === 'stall') tcp.pause();
    else new TargetConnection(context === undefined ? tcp : secure(tcp, context), tcp, counts, route).listen();
  };
  const secure = (tcp: Socket, secureContext: SecureContext): TLSSocket => {
    const socket = new TLSSocket(tcp, { isServer: true, secureContext });
    // Whatever fails above fails the connection below.
    socket.on('error', () => tcp.destroy());
    socket.on('secure', () => {
      if (socket.isSessionReused()) counts.resumed += 1;
    });
    return socket;
  };
  const server = createServer({ pauseOnConnect: options.accept === 'stall' }, accept);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, 4_096, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  const shown = host.includes(':') ? `[${host}]` : host;
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://${shown}:${port}`,
    port,
    counts,
    reset: () => counts.reset(),
    close,
    [Symbol.asyncDispose]: close,
  };
};
