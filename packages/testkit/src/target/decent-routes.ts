import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { plain, type Reply, raw } from './reply.js';
import type { TargetRequest } from './request-reader.js';

export type Route = (request: TargetRequest) => Reply;

export const OK = 'HTTP/1.1 200 OK\r\n';
const JSON_TYPE = { 'Content-Type': 'application/json' };
const TEXT = 'All work and no play makes a dull load test. ';

export const numberOf = (request: TargetRequest, name: string, fallback: number): number =>
  Number(request.query.get(name) ?? fallback);
const text = (request: TargetRequest): string => TEXT.repeat(numberOf(request, 'n', 20));

/** Every so-manieth answer is an error, evenly spread: with `rate=0.1` exactly every tenth. One count for a target. */
const errors = (): Route => {
  let owed = 0;
  return (request) => {
    owed += numberOf(request, 'rate', 0.1);
    const fails = owed >= 1 - 1e-9;
    if (fails) owed -= 1;
    const delayMs = numberOf(request, 'ms', 0);
    const late = delayMs > 0 ? { delayMs } : {};
    return fails ? plain(numberOf(request, 'status', 500), 'broken\n', {}, late) : plain(200, 'fine\n', {}, late);
  };
};

/** Answers that a decent server gives. */
export const decentRoutes = (): Readonly<Record<string, Route>> => ({
  '/': () => plain(200, 'hello, world\n', { 'Content-Type': 'text/plain' }),
  // `jitter` more milliseconds at most, at random.
  '/delay': (request) => {
    const delayMs = numberOf(request, 'ms', 10) + Math.random() * numberOf(request, 'jitter', 0);
    return plain(200, 'late\n', {}, { delayMs });
  },
  '/bytes': (request) => plain(200, Buffer.alloc(numberOf(request, 'n', 1_000), 'x')),
  '/chunked': (request) => {
    const size = numberOf(request, 'size', 100);
    const piece = `${size.toString(16)}\r\n${'c'.repeat(size)}\r\n`;
    const pieces = Array.from({ length: numberOf(request, 'n', 3) }, () => piece);
    return raw([`${OK}Transfer-Encoding: chunked\r\n\r\n`, ...pieces, '0\r\n\r\n'], 'keep', 200);
  },
  '/trailers': () =>
    raw(`${OK}Transfer-Encoding: chunked\r\n\r\n2;ext="x"\r\nok\r\n0\r\nX-After: 1\r\nX-More: 2\r\n\r\n`, 'keep', 200),
  '/gzip': (request) => plain(200, gzipSync(text(request)), { 'Content-Encoding': 'gzip' }),
  '/br': (request) => plain(200, brotliCompressSync(text(request)), { 'Content-Encoding': 'br' }),
  '/deflate': (request) => plain(200, deflateSync(text(request)), { 'Content-Encoding': 'deflate' }),
  '/deflate-raw': (request) => plain(200, deflateRawSync(text(request)), { 'Content-Encoding': 'deflate' }),
  '/gzip-br': (request) => plain(200, brotliCompressSync(gzipSync(text(request))), { 'Content-Encoding': 'gzip, br' }),
  // `to` is where the last hop leads; without it that is an answer.
  '/redirect': (request) => {
    const left = numberOf(request, 'n', 1);
    const status = numberOf(request, 'status', 302);
    const to = request.query.get('to');
    const next = `/redirect?n=${left - 1}&status=${status}${to === null ? '' : `&to=${encodeURIComponent(to)}`}`;
    if (left > 1 || (left === 1 && to === null)) return plain(status, '', { Location: next });
    return left === 1 && to !== null ? plain(status, '', { Location: to }) : plain(200, 'arrived\n');
  },
  // `attributes` go behind each cookie, as they are.
  '/cookie/set': (request) => {
    const attributes = request.query.get('attributes') ?? 'Path=/';
    const cookies = [...request.query].filter(([name]) => name !== 'attributes');
    return plain(200, 'set\n', { 'Set-Cookie': cookies.map(([name, value]) => `${name}=${value}; ${attributes}`) });
  },
  '/cookies': (request) => plain(200, JSON.stringify(request.headers.cookie ?? ''), JSON_TYPE),
  '/echo': ({ method, path, query, headers, body }) =>
    plain(
      200,
      JSON.stringify({ method, path, query: Object.fromEntries(query), headers, body: body.toString() }),
      JSON_TYPE,
    ),
  // The body as it came, for what is no text.
  '/mirror': ({ body, headers }) =>
    plain(200, body, { 'Content-Type': headers['content-type'] ?? 'application/octet-stream' }),
  '/error': errors(),
  '/head': () => raw(`${OK}Content-Length: 1000\r\n\r\n`, 'keep', 200),
  '/continue': () =>
    raw(
      [
        'HTTP/1.1 100 Continue\r\n\r\n',
        'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
        `${OK}Content-Length: 2\r\n\r\nok`,
      ],
      'keep',
      200,
    ),
  '/until-close': () => raw([OK, '\r\n', 'all ', 'of it'], 'end', 200),
  '/close': () => plain(200, 'bye\n', { Connection: 'close' }, { after: 'end' }),
  '/http10': () => raw('HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', 'end', 200),
  '/http10-keep': () => raw('HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok', 'keep', 200),
  '/no-reason': () => raw('HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok', 'keep', 200),
  '/bare-lf': () => raw('HTTP/1.1 200 OK\nContent-Length: 2\nX-Plain: yes\n\nok', 'keep', 200),
  '/folded': () => raw(`${OK}X-Long: one\r\n  two\r\nContent-Length: 2\r\n\r\nok`, 'keep', 200),
  // One byte at a time.
  '/trickle': (request) => {
    const body = 't'.repeat(numberOf(request, 'n', 20));
    return {
      ...raw([...`${OK}Content-Length: ${body.length}\r\nX-Slow: yes\r\n\r\n${body}`], 'keep', 200),
      pauseMs: numberOf(request, 'ms', 0),
    };
  },
});
