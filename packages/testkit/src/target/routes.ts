import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { plain, type Reply, raw } from './reply.js';
import type { TargetRequest } from './request-reader.js';

const number = (request: TargetRequest, name: string, fallback: number): number =>
  Number(request.query.get(name) ?? fallback);
const TEXT = 'All work and no play makes a dull load test. '.repeat(20);
const OK = 'HTTP/1.1 200 OK\r\n';

/** Answers that a decent server gives. */
const DECENT: Readonly<Record<string, (request: TargetRequest) => Reply>> = {
  '/': () => plain(200, 'hello, world\n', { 'Content-Type': 'text/plain' }),
  '/delay': (request) => plain(200, 'late\n', {}, { delayMs: number(request, 'ms', 10) }),
  '/bytes': (request) => plain(200, Buffer.alloc(number(request, 'n', 1_000), 'x')),
  '/chunked': (request) => {
    const size = number(request, 'size', 100);
    const piece = `${size.toString(16)}\r\n${'c'.repeat(size)}\r\n`;
    return raw(
      [
        `${OK}Transfer-Encoding: chunked\r\n\r\n`,
        ...Array.from({ length: number(request, 'n', 3) }, () => piece),
        '0\r\n\r\n',
      ],
      'keep',
      true,
    );
  },
  '/gzip': () => plain(200, gzipSync(TEXT), { 'Content-Encoding': 'gzip' }),
  '/br': () => plain(200, brotliCompressSync(TEXT), { 'Content-Encoding': 'br' }),
  '/deflate': () => plain(200, deflateSync(TEXT), { 'Content-Encoding': 'deflate' }),
  '/deflate-raw': () => plain(200, deflateRawSync(TEXT), { 'Content-Encoding': 'deflate' }),
  '/redirect': (request) => {
    const left = number(request, 'n', 1);
    return left <= 0
      ? plain(200, 'arrived\n')
      : plain(number(request, 'status', 302), '', { Location: `/redirect?n=${left - 1}` });
  },
  '/cookie/set': (request) =>
    plain(200, 'set\n', { 'Set-Cookie': [...request.query].map(([name, value]) => `${name}=${value}; Path=/`) }),
  '/cookies': (request) =>
    plain(200, JSON.stringify(request.headers.cookie ?? ''), { 'Content-Type': 'application/json' }),
  '/echo': (request) =>
    plain(
      200,
      JSON.stringify({
        method: request.method,
        path: request.path,
        headers: request.headers,
        body: request.body.toString(),
      }),
      { 'Content-Type': 'application/json' },
    ),
  '/error': (request) => (Math.random() < number(request, 'rate', 0.1) ? plain(500, 'broken\n') : plain(200, 'fine\n')),
  '/head': () => raw(`${OK}Content-Length: 1000\r\n\r\n`, 'keep', true),
  '/continue': () =>
    raw(
      [
        'HTTP/1.1 100 Continue\r\n\r\n',
        'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
        `${OK}Content-Length: 2\r\n\r\nok`,
      ],
      'keep',
      true,
    ),
  '/until-close': () => raw([OK, '\r\n', 'all ', 'of it'], 'end', true),
  '/close': () => plain(200, 'bye\n', { Connection: 'close' }, { after: 'end' }),
};

/** Answers that break the protocol or the connection, each in one way. */
const HOSTILE: Readonly<Record<string, (request: TargetRequest) => Reply>> = {
  '/reset-after-request': () => raw([], 'reset'),
  '/close-after-request': () => raw([], 'end'),
  '/reset-mid-headers': () => raw(`${OK}Content-Le`, 'reset'),
  '/close-mid-headers': () => raw(`${OK}Content-Le`, 'end'),
  '/reset-mid-body': () => raw(`${OK}Content-Length: 100\r\n\r\nhalf`, 'reset'),
  '/close-mid-body': () => raw(`${OK}Content-Length: 100\r\n\r\nhalf`, 'end'),
  '/close-mid-chunk': () => raw(`${OK}Transfer-Encoding: chunked\r\n\r\n64\r\nhalf`, 'end'),
  '/no-last-chunk': () => raw(`${OK}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`, 'end'),
  '/stall-before-answer': () => raw([], 'stall'),
  '/stall-in-headers': () => raw(`${OK}Content-Le`, 'stall'),
  '/stall-in-body': () => raw(`${OK}Content-Length: 100\r\n\r\nhalf`, 'stall'),
  '/bad-status-line': () => raw('HTP/1.1 200 OK\r\n\r\n', 'keep'),
  '/bad-status-code': () => raw('HTTP/1.1 2x0 OK\r\n\r\n', 'keep'),
  '/bad-header': () => raw(`${OK}no colon here\r\nContent-Length: 0\r\n\r\n`, 'keep'),
  '/header-flood': () =>
    raw(`${OK}${`X-Flood: ${'y'.repeat(1_000)}\r\n`.repeat(100)}Content-Length: 0\r\n\r\n`, 'keep'),
  '/endless-header': () => raw(`${OK}X-Flood: ${'y'.repeat(100_000)}`, 'stall'),
  '/bad-chunk-size': () => raw(`${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 'keep'),
  '/chunk-overflow': () => raw(`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\ntoo long\r\n0\r\n\r\n`, 'keep'),
  '/two-lengths': () => raw(`${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc`, 'keep'),
  '/bad-length': () => raw(`${OK}Content-Length: soon\r\n\r\n`, 'keep'),
  '/garbage-after': () => raw(`${OK}Content-Length: 2\r\n\r\nokGARBAGE`, 'keep', true),
  '/close-silently': () => ({ ...plain(200, 'ok'), after: 'end' }),
};

/** The answer to a request; unknown paths are a 404. */
export const route = (request: TargetRequest): Reply => {
  const status = /^\/status\/(\d{3})$/.exec(request.path)?.[1];
  if (status !== undefined) return plain(Number(status), `status ${status}\n`);
  const made = (DECENT[request.path] ?? HOSTILE[request.path])?.(request) ?? plain(404, 'not here\n');
  return request.method === 'HEAD' && made.after === 'keep' && request.path !== '/head' ? withoutBody(made) : made;
};

/** The same head without what follows it. */
const withoutBody = (reply: Reply): Reply => {
  const all = Buffer.concat(reply.write.map((piece) => Buffer.from(piece)));
  return { ...reply, write: [all.subarray(0, all.indexOf('\r\n\r\n') + 4)] };
};

/** Paths that break something, for tests that go through all of them. */
export const HOSTILE_PATHS: readonly string[] = Object.keys(HOSTILE);
