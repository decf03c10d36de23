import type { Socket } from 'node:net';
import type { Counts, PathCounts } from './counts.js';
import type { Route } from './decent-routes.js';
import { plain, type Reply } from './reply.js';
import { RequestReader, type TargetRequest } from './request-reader.js';
import { echo, isEcho } from './web-socket-echo.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };
/** What was written must arrive before the reset does, which overtakes it. */
const BEFORE_RESET_MS = 20;

/** One connection: requests are answered one after the other, in order. */
export class TargetConnection {
  readonly #socket: Socket;
  readonly #tcp: Socket;
  readonly #counts: Counts;
  readonly #route: Route;
  readonly #reader = new RequestReader();
  #busy = false;
  #over = false;

  /** @param tcp the socket below TLS, which can be reset; the same one without TLS */
  constructor(socket: Socket, tcp: Socket, counts: Counts, route: Route) {
    this.#socket = socket;
    this.#tcp = tcp;
    this.#counts = counts;
    this.#route = route;
  }

  listen(): void {
    this.#socket.on('data', (chunk: Buffer) => {
      if (this.#over) return;
      this.#reader.push(chunk);
      this.#next();
    });
  }

  #next(): void {
    while (!this.#busy && !this.#over) {
      if (this.#beforeBody()) return;
      const request = this.#reader.next();
      if (request === null) return;
      if (isEcho(request)) {
        this.#over = true;
        this.#socket.removeAllListeners('data');
        echo(this.#socket, request, this.#counts);
      } else if (request.path === '/stats')
        this.#start(plain(200, JSON.stringify(this.#counts), JSON_TYPE), request, null);
      else if (request.path === '/reset') {
        this.#counts.reset();
        this.#start(plain(200, '{}', JSON_TYPE), request, null);
      } else this.#start(this.#route(request), request, this.#counts.countReceived(request.path));
    }
  }

  /** What is done as soon as the head is there, whatever becomes of the body. */
  #beforeBody(): boolean {
    const path = this.#reader.head()?.path;
    if (path === '/reset-before-request') {
      this.#over = true;
      this.#tcp.resetAndDestroy();
    } else if (path === '/early-answer') {
      this.#over = true;
      this.#socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n');
    } else if (path === '/never-read') {
      this.#over = true;
      this.#socket.pause();
    }
    return this.#over;
  }

  #start(reply: Reply, request: TargetRequest, path: PathCounts | null): void {
    this.#busy = true;
    const pieces = reply.write[Symbol.iterator]();
    const go = (): void => this.#write(reply, pieces, pieces.next(), request, path);
    if (reply.delayMs === undefined) go();
    else setTimeout(go, reply.delayMs);
  }

  /** Writes piece by piece, no faster than the peer takes them. */
  #write(
    reply: Reply,
    pieces: Iterator<string | Buffer>,
    piece: IteratorResult<string | Buffer>,
    request: TargetRequest,
    path: PathCounts | null,
  ): void {
    const socket = this.#socket;
    for (let next = piece; next.done !== true; ) {
      if (socket.destroyed) return;
      const flowing = socket.write(next.value);
      const following = pieces.next();
      const again = (): void => this.#write(reply, pieces, following, request, path);
      if (reply.pauseMs !== undefined && following.done !== true) {
        setTimeout(again, reply.pauseMs);
        return;
      }
      if (!flowing) {
        socket.once('drain', again);
        return;
      }
      next = following;
    }
    this.#handedOver(() => this.#finish(reply, request, path));
  }

  /** Calls back when all that was written is with the kernel. */
  #handedOver(then: () => void): void {
    const socket = this.#socket;
    if (socket.writableLength === 0) then();
    else
      socket.write('', (error) => {
        if (error === undefined || error === null) then();
      });
  }

  #finish(reply: Reply, request: TargetRequest, path: PathCounts | null): void {
    const socket = this.#socket;
    if (reply.status !== null && path !== null && socket.errored === null) this.#counts.countServed(path, reply.status);
    this.#busy = false;
    this.#over = reply.after !== 'keep' || !request.keepAlive;
    if (reply.after === 'reset') setTimeout(() => this.#tcp.resetAndDestroy(), BEFORE_RESET_MS);
    else if (reply.after === 'end' || (reply.after === 'keep' && this.#over)) socket.end();
    this.#next();
  }
}
