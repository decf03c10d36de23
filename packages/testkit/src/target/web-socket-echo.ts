import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Counts } from './counts.js';
import type { TargetRequest } from './request-reader.js';

/** A request to open a decent WebSocket. */
export const isEcho = ({ path, headers }: TargetRequest): boolean =>
  path.startsWith('/ws/echo') && headers.upgrade?.toLowerCase() === 'websocket';

/**
 * Sends every message back. `protocol` of the query is the one that it chooses; with `first` it greets with so many
 * messages; with `after` it closes after so many were echoed, with `code` and `reason`. A header `x-set-cookie` of the
 * request is set as a cookie; `/ws/echo/whoami` greets with the request's headers.
 */
export const echo = (socket: Socket, request: TargetRequest, counts: Counts): void => {
  const { query, headers, path } = request;
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    handleProtocols: (offered) => query.get('protocol') ?? [...offered][0] ?? false,
    perMessageDeflate: query.has('deflate'),
  });
  server.on('headers', (lines) => {
    if (headers['x-set-cookie'] !== undefined) lines.push(`Set-Cookie: ${headers['x-set-cookie']}`);
  });
  const asked = { method: request.method, url: path, headers, httpVersion: '1.1' } as unknown as IncomingMessage;
  server.handleUpgrade(asked, socket, Buffer.alloc(0), (opened) => {
    counts.sockets += 1;
    if (path === '/ws/echo/whoami') opened.send(JSON.stringify(headers));
    greet(opened, Number(query.get('first') ?? 0));
    let left = Number(query.get('after') ?? Number.POSITIVE_INFINITY);
    opened.on('close', (code) => {
      counts.ends[code] = (counts.ends[code] ?? 0) + 1;
    });
    opened.on('error', () => opened.terminate());
    opened.on('message', (data, binary) => {
      counts.messages += 1;
      opened.send(data, { binary });
      left -= 1;
      if (left === 0) opened.close(Number(query.get('code') ?? 1_000), query.get('reason') ?? '');
    });
  });
};

const greet = (opened: WebSocket, messages: number): void => {
  for (let each = 0; each < messages; each += 1) opened.send(`greeting ${each}`);
};
