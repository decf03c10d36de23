import { OK, type Route } from './decent-routes.js';
import { plain, raw } from './reply.js';

function* endless(first: string, piece: string): Generator<string> {
  yield first;
  for (;;) yield piece;
}
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

/** Answers that break the protocol or the connection, each in one way. */
export const HOSTILE: Readonly<Record<string, Route>> = {
  '/reset-after-request': () => raw([], 'reset'),
  '/close-after-request': () => raw([], 'end'),
  '/reset-mid-headers': () => raw(`${OK}Content-Le`, 'reset'),
  '/close-mid-headers': () => raw(`${OK}Content-Le`, 'end'),
  '/close-after-interim': () => raw('HTTP/1.1 100 Continue\r\n\r\n', 'end'),
  '/reset-mid-body': () => raw(`${OK}Content-Length: 100\r\n\r\nhalf`, 'reset'),
  '/close-mid-body': () => raw(`${OK}Content-Length: 100\r\n\r\nhalf`, 'end'),
  '/close-mid-chunk': () => raw(`${CHUNKED}64\r\nhalf`, 'end'),
  '/close-mid-chunk-size': () => raw(`${CHUNKED}6`, 'end'),
  '/no-last-chunk': () => raw(`${CHUNKED}4\r\nhalf\r\n`, 'end'),
  '/reset-until-close': () => raw(`${OK}\r\nhalf of what lasts until the end`, 'reset'),
  '/stall-before-answer': () => raw([], 'stall'),
  '/stall-in-headers': () => raw(`${OK}Content-Le`, 'stall'),
  '/stall-in-body': () => raw(`${OK}Content-Length: 100\r\n\r\nhalf`, 'stall'),
  '/stall-in-chunk': () => raw(`${CHUNKED}64\r\nhalf`, 'stall'),
  '/stall-after-interim': () => raw('HTTP/1.1 100 Continue\r\n\r\n', 'stall'),
  '/stall-until-close': () => raw(`${OK}\r\nhalf`, 'stall'),
  '/bad-status-line': () => raw('HTP/1.1 200 OK\r\n\r\n', 'keep'),
  '/bad-status-code': () => raw('HTTP/1.1 2x0 OK\r\n\r\n', 'keep'),
  '/bad-version': () => raw('HTTP/2.0 200 OK\r\n\r\n', 'keep'),
  '/no-http-at-all': () => raw('SSH-2.0-OpenSSH_9.2\r\n', 'stall'),
  '/bad-header': () => raw(`${OK}no colon here\r\nContent-Length: 0\r\n\r\n`, 'keep'),
  '/bad-header-name': () => raw(`${OK}Bad Name: x\r\nContent-Length: 0\r\n\r\n`, 'keep'),
  '/nul-in-header': () => raw(`${OK}X-Nul: a\0b\r\nContent-Length: 0\r\n\r\n`, 'keep'),
  '/header-flood': () =>
    raw(`${OK}${`X-Flood: ${'y'.repeat(1_000)}\r\n`.repeat(100)}Content-Length: 0\r\n\r\n`, 'keep'),
  '/endless-header': () => raw(endless(`${OK}X-Flood: `, 'y'.repeat(10_000)), 'stall'),
  '/endless-headers': () => raw(endless(OK, `X-Flood: ${'y'.repeat(1_000)}\r\n`), 'stall'),
  '/endless-interim': () => raw(endless('', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(100)), 'stall'),
  '/endless-status-line': () => raw(endless('HTTP/1.1 200 ', 'O'.repeat(10_000)), 'stall'),
  '/endless-chunk-extension': () => raw(endless(`${CHUNKED}4;`, 'x'.repeat(10_000)), 'stall'),
  '/endless-trailers': () => raw(endless(`${CHUNKED}0\r\n`, `X-Flood: ${'y'.repeat(1_000)}\r\n`), 'stall'),
  '/endless-body': () => raw(endless(`${OK}\r\n`, 'x'.repeat(65_536)), 'stall'),
  '/endless-chunks': () => raw(endless(CHUNKED, `10000\r\n${'x'.repeat(65_536)}\r\n`), 'stall'),
  '/bad-chunk-size': () => raw(`${CHUNKED}zz\r\n`, 'keep'),
  '/negative-chunk-size': () => raw(`${CHUNKED}-1\r\n`, 'keep'),
  '/huge-chunk-size': () => raw(`${CHUNKED}fffffffffffffffff\r\n`, 'keep'),
  '/chunk-overflow': () => raw(`${CHUNKED}2\r\ntoo long\r\n0\r\n\r\n`, 'keep'),
  '/two-lengths': () => raw(`${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc`, 'keep'),
  '/bad-length': () => raw(`${OK}Content-Length: soon\r\n\r\n`, 'keep'),
  '/negative-length': () => raw(`${OK}Content-Length: -5\r\n\r\n`, 'keep'),
  '/huge-length': () => raw(`${OK}Content-Length: 99999999999999999999\r\n\r\n`, 'keep'),
  '/folded-length': () => raw(`${OK}Content-Length: 1\r\n 0\r\n\r\n`, 'keep'),
  '/unasked-upgrade': () =>
    raw('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n', 'keep'),
  // Whole answers, with something wrong around them.
  '/length-too-short': () => raw(`${OK}Content-Length: 2\r\n\r\nok, and more than that`, 'keep', 200),
  '/garbage-after': () => raw(`${OK}Content-Length: 2\r\n\r\nokGARBAGE`, 'keep', 200),
  '/answer-twice': () => raw(`${OK}Content-Length: 2\r\n\r\nok`.repeat(2), 'keep', 200),
  '/body-after-204': () => raw('HTTP/1.1 204 No Content\r\n\r\nbody', 'keep', 204),
  '/length-and-chunked': () =>
    raw(`${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`, 'keep', 200),
  '/bad-gzip': () => plain(200, 'this is not gzip', { 'Content-Encoding': 'gzip' }),
  '/close-silently': () => ({ ...plain(200, 'ok'), after: 'end' }),
  '/reset-silently': () => ({ ...plain(200, 'ok'), after: 'reset' }),
};
