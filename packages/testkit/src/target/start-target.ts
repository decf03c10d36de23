import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { plain, type Reply } from './reply.js';
import { RequestReader, type TargetRequest } from './request-reader.js';
import { route } from './routes.js';

/** What the target counted: requests that came whole, answers that were given whole. `/stats` and `/reset` don't count. */
export interface TargetCounts {
  received: number;
  served: number;
  connections: number;
  readonly paths: Record<string, { received: number; served: number }>;
}

export interface TargetOptions {
  /** @default 0: any free one */
  readonly port?: number;
  /** @default 127.0.0.1 */
  readonly host?: string;
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** A running target. */
export interface Target extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly counts: TargetCounts;
  close(): Promise<void>;
}

const fresh = (): TargetCounts => ({ received: 0, served: 0, connections: 0, paths: {} });

/** Starts a small HTTP/1.1 server of our own, which can be told to misbehave and counts for itself. */
export const startTarget = async (options: TargetOptions = {}): Promise<Target> => {
  const host = options.host ?? '127.0.0.1';
  const counts = fresh();
  const sockets = new Set<Socket>();
  const serve = (socket: Socket): void => {
    counts.connections += 1;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    new Connection(socket, counts).listen();
  };
  const server: Server = options.tls === undefined ? createServer(serve) : createTlsServer(options.tls, serve);
  server.on('tlsClientError', () => undefined);
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
    close,
    [Symbol.asyncDispose]: close,
  };
};

/** One connection: requests are answered one after the other, in order. */
class Connection {
  readonly #socket: Socket;
  readonly #counts: TargetCounts;
  readonly #reader = new RequestReader();
  #busy = false;
  #over = false;

  constructor(socket: Socket, counts: TargetCounts) {
    this.#socket = socket;
    this.#counts = counts;
  }

  listen(): void {
    this.#socket.on('data', (chunk: Buffer) => {
      this.#reader.push(chunk);
      this.#next();
    });
  }

  #next(): void {
    while (!this.#busy && !this.#over) {
      const request = this.#reader.next();
      if (request === null) return;
      if (request.path === '/stats')
        this.#send(plain(200, JSON.stringify(this.#counts), { 'Content-Type': 'application/json' }), request, null);
      else if (request.path === '/reset') {
        Object.assign(this.#counts, fresh());
        this.#send(plain(200, '{}', { 'Content-Type': 'application/json' }), request, null);
      } else this.#answer(request);
    }
  }

  #answer(request: TargetRequest): void {
    this.#counts.received += 1;
    this.#counts.paths[request.path] ??= { received: 0, served: 0 };
    const path = this.#counts.paths[request.path] as { received: number; served: number };
    path.received += 1;
    const reply = route(request);
    if (reply.delayMs === undefined) {
      this.#send(reply, request, path);
      return;
    }
    this.#busy = true;
    setTimeout(() => {
      this.#busy = false;
      this.#send(reply, request, path);
      this.#next();
    }, reply.delayMs);
  }

  #send(reply: Reply, request: TargetRequest, path: { served: number } | null): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    for (const piece of reply.write) socket.write(piece);
    if (reply.served && path !== null) {
      this.#counts.served += 1;
      path.served += 1;
    }
    if (reply.after === 'end' || (reply.after === 'keep' && !request.keepAlive)) {
      this.#over = true;
      socket.end();
    } else if (reply.after === 'reset') {
      this.#over = true;
      // What was written must arrive before the reset does.
      setTimeout(() => socket.resetAndDestroy(), reply.write.length > 0 ? 20 : 0);
    } else if (reply.after === 'stall') this.#over = true;
  }
}
