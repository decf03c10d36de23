import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAUSES } from './error-codes.js';
import { HeadMemo } from './head-memo.js';
import { ResponseParser } from './response-parser.js';

const ANSWERS: readonly string[] = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Tue, 24 Nov 2026 01:58:18 GMT\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1a;x="y"\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nTrailer: 1\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\nX: y\r\n\r\n',
  'HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nno',
  'HTTP/1.1 200\nContent-Encoding: gzip\nX-Long: a\n  b\nContent-Length: 1\n\nz',
];
const BROKEN: readonly string[] = [
  'HTTP/1.1 2x0 OK\r\n\r\n',
  'HTTP/1.1 200 OK\r\nno colon\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\n\r\n',
];

const read = (pieces: readonly string[], memo: HeadMemo | null = null) => {
  const parser = new ResponseParser();
  parser.begin(false, true, memo);
  let left = '';
  for (const piece of pieces) {
    // As a socket does it: the piece lies somewhere in a buffer that is used again.
    const shared = Buffer.alloc(piece.length + 6, '#');
    shared.write(piece, 3, 'latin1');
    if (parser.done || parser.failure !== null) left += parser.done ? piece : '';
    else {
      const end = parser.push(shared, 3, 3 + piece.length);
      if (parser.done) left += piece.slice(end - 3);
    }
    shared.fill('!');
  }
  const { head, done, failure, keepAlive } = parser;
  const body = done ? parser.takeBody().bytes.toString('latin1') : '';
  return { status: head?.status, text: head?.text, body, done, failure, keepAlive, left };
};
const cut = (text: string, places: readonly number[]): string[] => {
  const ends = [...new Set([...places.map((place) => place % text.length), text.length])].sort((a, b) => a - b);
  return ends.map((end, index) => text.slice(index === 0 ? 0 : ends[index - 1], end)).filter((piece) => piece !== '');
};

describe('an answer', () => {
  it('reads the same whatever the pieces, with whatever behind it', () => {
    const property = fc.property(
      fc.constantFrom(...ANSWERS),
      fc.array(fc.nat(), { maxLength: 12 }),
      fc.constantFrom('', 'MORE', 'HTTP/1.1 200 OK\r\n\r\n'),
      (answer, places, garbage) => {
        const found = read(cut(answer + garbage, places));
        expect(found).toEqual({ ...read([answer]), left: garbage });
        expect(found.done).toBe(true);
      },
    );
    fc.assert(property, { numRuns: 3_000 });
  });

  it('reads the same cut at every single byte, and byte by byte', () => {
    for (const answer of ANSWERS) {
      const whole = read([answer]);
      expect(read([...answer])).toEqual(whole);
      for (let at = 1; at < answer.length; at += 1) expect(read(cut(answer, [at]))).toEqual(whole);
    }
  });

  it('that is broken fails by the same cause however it is cut', () => {
    for (const answer of BROKEN) {
      const { failure } = read([answer]);
      expect(failure).not.toBe(null);
      expect(read([...answer]).failure).toBe(failure);
      for (let at = 1; at < answer.length; at += 1) expect(read(cut(answer, [at])).failure).toBe(failure);
    }
  });

  it('reads the same with a memory of the one before', () => {
    const property = fc.property(
      fc.array(fc.tuple(fc.constantFrom(...ANSWERS), fc.array(fc.nat(), { maxLength: 2 })), { maxLength: 30 }),
      (sequence) => {
        const memo = new HeadMemo();
        for (const [answer, places] of sequence)
          expect(read(cut(answer, places), memo)).toEqual(read(cut(answer, places)));
      },
    );
    fc.assert(property, { numRuns: 500 });
  });

  it('of any bytes at all ends as done or failed once the peer has closed', () => {
    const property = fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(...ANSWERS),
      fc.nat(),
      (noise, answer, place) => {
        const damaged = Buffer.from(answer, 'latin1');
        const at = place % damaged.length;
        damaged.set(noise.subarray(0, damaged.length - at), at);
        for (const input of [Buffer.from(noise), damaged]) {
          const parser = new ResponseParser();
          parser.begin(false, true);
          parser.push(input, 0, input.length);
          parser.finish();
          expect(parser.done || parser.failure !== null).toBe(true);
        }
      },
    );
    fc.assert(property, { numRuns: 3_000 });
  });
});

describe('an end', () => {
  it('before the first byte is unanswered, in the middle truncated', () => {
    for (const answer of ANSWERS) {
      for (let at = 0; at < answer.length; at += 1) {
        const parser = new ResponseParser();
        parser.begin(false, true);
        if (at > 0) parser.push(Buffer.from(answer, 'latin1'), 0, at);
        parser.finish();
        expect(parser.failure).toBe(at === 0 ? CAUSES.closedUnanswered : CAUSES.truncated);
      }
    }
  });
});
