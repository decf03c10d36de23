import { connect } from 'node:net';
import { startTarget, type Target } from '@muster/testkit/target';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeClient } from './support.js';

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.close());

const WORK = 'All work and no play makes a dull load test. '.repeat(20);

describe('a body', () => {
  it.each<[path: string, body: string]>([
    ['/', 'hello, world\n'],
    ['/bytes?n=0', ''],
    ['/bytes?n=300000', 'x'.repeat(300_000)],
    ['/chunked?n=7&size=1000', 'c'.repeat(7_000)],
    ['/chunked?n=3&size=100000', 'c'.repeat(300_000)],
    ['/chunked?n=0', ''],
    ['/trailers', 'ok'],
    ['/until-close', 'all of it'],
    ['/continue', 'ok'],
    ['/http10', 'ok'],
    ['/http10-keep', 'ok'],
    ['/no-reason', 'ok'],
    ['/bare-lf', 'ok'],
    ['/folded', 'ok'],
    ['/length-and-chunked', 'ok'],
    ['/trickle?n=30', 't'.repeat(30)],
    ['/gzip', WORK],
    ['/br', WORK],
    ['/deflate', WORK],
    ['/deflate-raw', WORK],
    ['/gzip-br', WORK],
    ['/gzip?n=100000', WORK.repeat(5_000)],
  ])('of %s is read as it was meant', async (path, body) => {
    const { http, user } = makeClient();
    const answer = await http.get(`${target.url}${path}`);
    expect(answer).toMatchObject({ status: 200, error: '', error_code: 0 });
    expect(answer.body === body).toBe(true);
    expect(user.last).toMatchObject({ sent: true, answered: true, cause: null });
  });

  it('is none for HEAD, 204 and 304, and the connection goes on', async () => {
    const { http, user } = makeClient();
    expect(await http.head(`${target.url}/head`)).toMatchObject({ status: 200, body: '' });
    expect(await http.head(`${target.url}/bytes?n=500`)).toMatchObject({ status: 200, body: '' });
    for (const status of [204, 304]) expect((await http.get(`${target.url}/status/${status}`)).body).toBe('');
    await http.get(`${target.url}/`);
    expect(user.recorded.map(({ exchange }) => exchange.reused)).toEqual([false, true, true, true, true]);
  });

  it('is bytes when it is asked for as such, also those that are no text', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
    const { http } = makeClient();
    const answer = await http.post(`${target.url}/mirror`, bytes, { responseType: 'binary' });
    expect(answer.body).toEqual(bytes);
  });

  it('is not kept when nobody wants it, but counted to the byte', async () => {
    const { http, user } = makeClient({ discardResponseBodies: true });
    expect((await http.get(`${target.url}/bytes?n=300000`)).body).toBe(null);
    expect(user.last.bytesReceived).toBeGreaterThan(300_000);
    const { http: keeping, user: other } = makeClient();
    expect((await keeping.get(`${target.url}/bytes?n=300000`, { responseType: 'none' })).body).toBe(null);
    expect(other.last.bytesReceived).toBe(user.last.bytesReceived);
    expect((await http.get(`${target.url}/`, { responseType: 'text' })).body).toBe('hello, world\n');
  });

  it('stays as it was when the buffer it was read into is used again', async () => {
    const { http } = makeClient();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => http.post(`${target.url}/mirror`, String(n).repeat(1_000))),
    );
    expect(answers.map((answer) => answer.body)).toEqual(answers.map((_, n) => String(n).repeat(1_000)));
  });
});

describe('an answer', () => {
  it('has what it came with', async () => {
    const { http } = makeClient();
    const answer = await http.get(`${target.url}/`);
    expect(answer).toMatchObject({
      status: 200,
      status_text: 'OK',
      proto: 'HTTP/1.1',
      headers: { 'Content-Length': '13', 'Content-Type': 'text/plain' },
      remote_ip: '127.0.0.1',
      remote_port: target.port,
      url: `${target.url}/`,
      request: { method: 'GET', url: `${target.url}/`, headers: { 'User-Agent': 'Muster/test' } },
    });
    expect(await http.get(`${target.url}/http10`)).toMatchObject({ proto: 'HTTP/1.0' });
    expect((await http.get(`${target.url}/folded`)).headers['X-Long']).toBe('one two');
    expect((await http.get(`${target.url}/status/404`)).error_code).toBe(1404);
    expect((await http.get(`${target.url}/status/503`)).error_code).toBe(1503);
  });

  it('is JSON when it is asked', async () => {
    const { http } = makeClient();
    const answer = await http.post(`${target.url}/mirror`, JSON.stringify({ a: [{ 'b.c': 7 }], n: null }));
    expect(answer.json()).toEqual({ a: [{ 'b.c': 7 }], n: null });
    expect(answer.json('a.0.b\\.c')).toBe(7);
    expect(answer.json('a.1.x')).toBe(undefined);
    expect(answer.json('n.x')).toBe(undefined);
    expect(answer.json('constructor')).toBe(undefined);
    expect((await http.get(`${target.url}/`)).json).toThrow();
  });

  it('is counted to the byte, both ways', async () => {
    const { http, user } = makeClient();
    await http.get(`${target.url}/`);
    const request = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\nUser-Agent: Muster/test\r\n\r\n`;
    const socket = connect(target.port, '127.0.0.1');
    const received = await new Promise<number>((resolve) => {
      socket.on('data', (chunk) => resolve(chunk.length));
      socket.write(request);
    });
    socket.destroy();
    expect(user.last.bytesReceived).toBe(received);
    expect(user.last.bytesSent).toBe(request.length);
  });

  it('has times that add up, as k6 defines them', async () => {
    const { http, user } = makeClient();
    const first = (await http.get(`${target.url}/delay?ms=30`)).timings;
    expect(first.duration).toBeCloseTo(first.sending + first.waiting + first.receiving, 6);
    expect(first.waiting).toBeGreaterThan(25);
    expect(first.blocked).toBeGreaterThanOrEqual(first.connecting);
    expect(first.connecting).toBeGreaterThan(0);
    expect(first.tls_handshaking).toBe(0);
    const second = (await http.get(`${target.url}/`)).timings;
    expect(second).toMatchObject({ blocked: 0, connecting: 0, tls_handshaking: 0 });
    for (const { exchange } of user.recorded) {
      expect(exchange.endedMs).toBeGreaterThanOrEqual(exchange.startedMs);
      const durations = Object.entries(exchange).filter(([name]) => name.endsWith('Us'));
      for (const [name, value] of durations) expect(Number.isInteger(value) && (value as number) >= 0, name).toBe(true);
      const wholeUs = (exchange.endedMs - exchange.startedMs) * 1_000;
      expect(Math.abs(exchange.blockedUs + exchange.durationUs - wholeUs)).toBeLessThan(1_000);
    }
    const trickled = (await http.get(`${target.url}/trickle?n=5&ms=2`)).timings;
    expect(trickled.receiving).toBeGreaterThan(0);
  });

  it('is counted by the target just as by the client', async () => {
    target.reset();
    const { http, user } = makeClient();
    for (let n = 0; n < 50; n += 1) await http.get(`${target.url}/error?rate=0.3`);
    const { received, served, paths, connections } = target.counts;
    expect({ received, served, connections }).toEqual({ received: 50, served: 50, connections: 1 });
    expect(paths['/error']).toEqual({ received: 50, served: 50, statuses: { 200: 35, 500: 15 } });
    expect(user.recorded.filter(({ request }) => request.expected)).toHaveLength(35);
  });
});
