import { createHash } from 'node:crypto';
import type { Route } from './decent-routes.js';
import { plain, raw } from './reply.js';
import type { TargetRequest } from './request-reader.js';

/** RFC 6455, section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const UPGRADE = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n';

const accepted = (request: TargetRequest, more = ''): string => {
  const key = createHash('sha1')
    .update(`${request.headers['sec-websocket-key'] ?? ''}${GUID}`)
    .digest('base64');
  return `${UPGRADE}Sec-WebSocket-Accept: ${key}\r\n${more}\r\n`;
};
const HELLO = Buffer.from([0x81, 5, ...Buffer.from('hello')]);

/** Handshakes and frames that break the protocol or the connection, each in one way. */
export const HOSTILE_SOCKETS: Readonly<Record<string, Route>> = {
  '/ws/refused': () => plain(403, 'no\n'),
  '/ws/not-upgraded': () => plain(200, 'a page\n'),
  '/ws/redirected': () => plain(302, '', { Location: '/ws/echo' }),
  '/ws/wrong-accept': () => raw(`${UPGRADE}Sec-WebSocket-Accept: bm90IHRoZSBrZXkgYXQgYWxs\r\n\r\n`, 'stall'),
  '/ws/no-accept': () => raw(`${UPGRADE}\r\n`, 'stall'),
  '/ws/wrong-upgrade': () =>
    raw('HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\n', 'stall'),
  '/ws/unasked-protocol': (request) => raw(accepted(request, 'Sec-WebSocket-Protocol: chat\r\n'), 'stall'),
  '/ws/no-http': () => raw('SSH-2.0-OpenSSH_9.2\r\n', 'stall'),
  '/ws/never-answers': () => raw([], 'stall'),
  '/ws/closes-unanswered': () => raw([], 'end'),
  '/ws/resets-unanswered': () => raw([], 'reset'),
  // Open, and then:
  '/ws/ends-at-once': (request) => raw(accepted(request), 'end'),
  '/ws/resets-at-once': (request) => raw(accepted(request), 'reset'),
  '/ws/ends-mid-frame': (request) => raw([accepted(request), Buffer.from([0x81, 100, 1, 2, 3])], 'end'),
  '/ws/garbage': (request) => raw([accepted(request), 'this is no frame at all'], 'stall'),
  '/ws/masked': (request) => raw([accepted(request), Buffer.from([0x81, 0x81, 1, 2, 3, 4, 5])], 'stall'),
  '/ws/bad-utf8': (request) => raw([accepted(request), Buffer.from([0x81, 2, 0xc3, 0x28])], 'stall'),
  '/ws/bad-opcode': (request) => raw([accepted(request), Buffer.from([0x83, 0])], 'stall'),
  '/ws/bad-close-code': (request) => raw([accepted(request), Buffer.from([0x88, 2, 0, 1])], 'stall'),
  '/ws/compressed-unasked': (request) => raw([accepted(request), Buffer.from([0xc1, 1, 0])], 'stall'),
  '/ws/oversized': (request) =>
    raw([accepted(request), Buffer.from([0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0]), 'and so on'], 'stall'),
  '/ws/endless-fragments': (request) => raw(fragments(accepted(request)), 'stall'),
  // Frames and end in one piece with the answer: nothing may be lost of them.
  '/ws/hello-and-close': (request) =>
    raw([Buffer.concat([Buffer.from(accepted(request)), HELLO, Buffer.from([0x88, 2, 0x03, 0xe8])])], 'end'),
};

function* fragments(head: string): Generator<string | Buffer> {
  yield head;
  const size = 1_024 * 1_024;
  const piece = Buffer.concat([Buffer.from([0x00, 127, 0, 0, 0, 0, 0, 16, 0, 0]), Buffer.alloc(size, 'x')]);
  yield Buffer.from([0x02, 0]);
  for (;;) yield piece;
}
