import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CAUSES, Resolver } from '@muster/engine/internal';
import { HOSTILE_PATHS, startTarget, type Target } from '@muster/testkit/target';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeClient } from './support.js';

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.close());

type Cause = keyof typeof CAUSES;

/** The one cause that each broken answer must give; none where the answer itself is whole. */
const CAUSE_OF: Readonly<Record<string, Cause | null>> = {
  '/reset-after-request': 'reset',
  '/close-after-request': 'closedUnanswered',
  '/reset-mid-headers': 'reset',
  '/close-mid-headers': 'truncated',
  '/close-after-interim': 'truncated',
  '/reset-mid-body': 'reset',
  '/close-mid-body': 'truncated',
  '/close-mid-chunk': 'truncated',
  '/close-mid-chunk-size': 'truncated',
  '/no-last-chunk': 'truncated',
  '/reset-until-close': 'reset',
  '/stall-before-answer': 'timeout',
  '/stall-in-headers': 'timeout',
  '/stall-in-body': 'timeout',
  '/stall-in-chunk': 'timeout',
  '/stall-after-interim': 'timeout',
  '/stall-until-close': 'timeout',
  '/bad-status-line': 'badStatusLine',
  '/bad-status-code': 'badStatusLine',
  '/bad-version': 'badStatusLine',
  '/no-http-at-all': 'badStatusLine',
  '/bad-header': 'badHeader',
  '/bad-header-name': 'badHeader',
  '/nul-in-header': 'badHeader',
  '/header-flood': 'headersTooLarge',
  '/endless-header': 'headersTooLarge',
  '/endless-headers': 'headersTooLarge',
  '/endless-interim': 'headersTooLarge',
  '/endless-status-line': 'headersTooLarge',
  '/endless-chunk-extension': 'badChunk',
  '/endless-trailers': 'badChunk',
  '/endless-body': 'bodyTooLarge',
  '/endless-chunks': 'bodyTooLarge',
  '/bad-chunk-size': 'badChunk',
  '/negative-chunk-size': 'badChunk',
  '/huge-chunk-size': 'badChunk',
  '/chunk-overflow': 'badChunk',
  '/two-lengths': 'badLength',
  '/bad-length': 'badLength',
  '/negative-length': 'badLength',
  '/huge-length': 'badLength',
  '/folded-length': 'badHeader',
  '/unasked-upgrade': 'unexpectedUpgrade',
  '/length-too-short': null,
  '/garbage-after': null,
  '/answer-twice': null,
  '/body-after-204': null,
  '/length-and-chunked': null,
  '/bad-gzip': 'badEncoding',
  '/close-silently': null,
  '/reset-silently': null,
};
/** How long a stall is waited for; what does not stall has time enough. */
const timeoutOf = (cause: Cause | null): number => (cause === 'timeout' ? 200 : 30_000);

describe('a broken answer', () => {
  it('of every kind is listed here', () => {
    expect(Object.keys(CAUSE_OF).sort()).toEqual([...HOSTILE_PATHS].sort());
  });

  it.each(Object.entries(CAUSE_OF))('%s gives %s, and the next request is fine', async (path, cause) => {
    const { http, user } = makeClient();
    const answer = await http.get(`${target.url}${path}`, { timeout: timeoutOf(cause) });
    expect(answer.error_code).toBe(cause === null ? 0 : CAUSES[cause].number);
    expect(answer.error === '').toBe(cause === null);
    // Only a body that does not decode has come whole.
    expect(user.last).toMatchObject({ sent: true, answered: cause === null || cause === 'badEncoding' });
    if (cause !== null && cause !== 'badEncoding') expect(answer).toMatchObject({ status: 0, body: null, headers: {} });
    const next = await http.get(`${target.url}/`);
    // A peer that closes without a word may do so after the next request was written: that is an error of its own.
    const mayRace = path === '/close-silently' || path === '/reset-silently';
    const racing = mayRace ? [CAUSES.closedUnanswered.number, CAUSES.reset.number, CAUSES.brokenPipe.number] : [];
    expect([0, ...racing]).toContain(next.error_code);
    if (!mayRace) expect(next.body).toBe('hello, world\n');
  });

  it('without an end is bounded in memory also when its body is not kept: it is counted until its time is over', async () => {
    const { http, user } = makeClient({ discardResponseBodies: true });
    const answer = await http.get(`${target.url}/endless-body`, { timeout: 300 });
    expect(answer.error_code).toBe(CAUSES.timeout.number);
    expect(user.last.bytesReceived).toBeGreaterThan(65_536);
    expect(user.last.body).toBe(null);
  });

  it('that breaks off before the request was read is no answer', async () => {
    const { http, user } = makeClient();
    const before = target.counts.received;
    const answer = await http.post(`${target.url}/reset-before-request`, Buffer.alloc(1_000_000));
    expect([CAUSES.reset.number, CAUSES.brokenPipe.number]).toContain(answer.error_code);
    expect(user.last.answered).toBe(false);
    expect(target.counts.received).toBe(before);
  });

  it('that comes before the request was read is an answer, and the connection is not used again', async () => {
    const { http, user } = makeClient();
    const answer = await http.post(`${target.url}/early-answer`, Buffer.alloc(20_000_000));
    expect(answer.status).toBe(413);
    expect(user.last).toMatchObject({ answered: true, sent: true });
    await http.get(`${target.url}/`);
    expect(user.last.reused).toBe(false);
  });

  it('to a request that was never read ends in time, and that request was not sent', async () => {
    const { http, user } = makeClient();
    const answer = await http.post(`${target.url}/never-read`, Buffer.alloc(40_000_000), { timeout: 300 });
    expect(answer.error_code).toBe(CAUSES.timeout.number);
    expect(user.last).toMatchObject({ sent: false, answered: false, waitingUs: 0 });
    expect(user.last.sendingUs).toBeGreaterThan(0);
  });

  it('on a connection that the peer has closed is not silently asked for again', async () => {
    const { http, user } = makeClient();
    await http.get(`${target.url}/`);
    const before = target.counts.received;
    const answer = await http.get(`${target.url}/close-after-request`);
    expect(answer.error_code).toBe(CAUSES.closedUnanswered.number);
    expect(user.last).toMatchObject({ sent: true, answered: false, reused: true });
    expect(target.counts.received - before).toBe(1);
  });

  it('that does not decode is a failed request, unless its body is thrown away', async () => {
    const { http, user } = makeClient();
    const answer = await http.get(`${target.url}/bad-gzip`);
    expect(answer).toMatchObject({ status: 200, body: null, error_code: CAUSES.badEncoding.number });
    expect(answer.error).toContain('gzip: incorrect header check');
    expect(user.last).toMatchObject({ answered: true, cause: CAUSES.badEncoding });
    const unread = await http.get(`${target.url}/bad-gzip`, { responseType: 'none' });
    expect(unread).toMatchObject({ status: 200, body: null, error_code: 0 });
  });
});

describe('a peer', () => {
  it('that nobody is on its port refuses', async () => {
    const gone = await startTarget();
    await gone.close();
    const { http, user } = makeClient();
    expect(await http.get(gone.url)).toMatchObject({ status: 0, error_code: CAUSES.refused.number });
    expect(user.last).toMatchObject({ sent: false, answered: false, bytesSent: 0, durationUs: 0 });
    expect(user.last.blockedUs).toBeGreaterThan(0);
  });

  it('that takes connections and resets them gives a reset', async () => {
    await using cold = await startTarget({ accept: 'reset' });
    const { http } = makeClient();
    expect([CAUSES.reset.number, CAUSES.brokenPipe.number]).toContain((await http.get(cold.url)).error_code);
  });

  it('that takes connections and says nothing runs out of time', async () => {
    await using silent = await startTarget({ accept: 'stall' });
    const { http, user } = makeClient();
    expect((await http.get(silent.url, { timeout: 150 })).error_code).toBe(CAUSES.timeout.number);
    expect(user.last).toMatchObject({ sent: true, answered: false });
    expect(user.last.waitingUs).toBeGreaterThan(100_000);
  });

  it('without a known name is no such host, and one that can not be looked up a fault of the lookup', async () => {
    const failing = (code: string) => async () => {
      throw Object.assign(new Error(`getaddrinfo ${code}`), { code });
    };
    const unknown = makeClient({ shared: { resolver: new Resolver(undefined, failing('ENOTFOUND')) } });
    const answer = await unknown.http.get('http://nobody.muster.test/');
    expect(answer).toMatchObject({ status: 0, error_code: CAUSES.noSuchHost.number });
    expect(answer.error).toContain('getaddrinfo ENOTFOUND');
    const broken = makeClient({ shared: { resolver: new Resolver(undefined, failing('EAI_AGAIN')) } });
    expect((await broken.http.get('http://nobody.muster.test/')).error_code).toBe(CAUSES.dns.number);
    const stuck = makeClient({ shared: { resolver: new Resolver(undefined, () => new Promise(() => undefined)) } });
    expect((await stuck.http.get('http://nobody.muster.test/', { timeout: 100 })).error_code).toBe(CAUSES.dns.number);
    expect(stuck.user.last).toMatchObject({ sent: false, connectingUs: 0 });
    expect(stuck.user.last.dnsUs).toBeGreaterThan(0);
  });

  it('that does not take connections is a dial that ran out of time', async () => {
    // It listens with a short queue and then does nothing: the kernel lets the first few wait, and no more.
    const script = `const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      require('node:fs').writeSync(1, server.address().port + '\\n');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      const url = `http://127.0.0.1:${Number(line.toString())}/`;
      const tries = Array.from({ length: 12 }, () => makeClient());
      const answers = await Promise.all(tries.map(({ http }) => http.get(url, { timeout: 300 })));
      const codes = answers.map((answer) => answer.error_code);
      expect(codes).toContain(CAUSES.dialTimeout.number);
      for (const [index, { user }] of tries.entries())
        expect(user.last.sent).toBe(codes[index] !== CAUSES.dialTimeout.number);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
