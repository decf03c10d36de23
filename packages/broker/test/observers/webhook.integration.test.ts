import { afterEach, describe, expect, it } from 'vitest';
import { nativeEnd, originalEnd } from '../../src/observers/run-end.js';
import { summaryOf } from '../summary-of.js';
import { END, freePort, QUICK, tell } from './tell.js';
import { startWebServer, type WebServer } from './web-server.js';

const servers: WebServer[] = [];
const serve = async (...args: Parameters<typeof startWebServer>): Promise<WebServer> => {
  const server = await startWebServer(...args);
  servers.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all(servers.splice(0).map((each) => each.close()));
});

describe('a message to Slack', () => {
  it('is the verdict as its incoming webhooks take it, and nothing in it is markup', async () => {
    const server = await serve();
    expect(await tell('slack', { url: server.url })).toMatchObject({ ok: true, text: 'told' });
    expect(server.posted).toMatchObject([{ method: 'POST', path: '/services/T0/hush' }]);
    expect(server.posted[0]?.headers['content-type']).toBe('application/json');
    expect(server.posted[0]?.body).toEqual({
      text: ':x: shop.ts failed (exit 99): too &lt;slow&gt; &amp; more; 40000 requests in 20.5 s, coverage 100.0 %',
    });
  });

  it('links to where the run is seen', async () => {
    const server = await serve();
    const passed = summaryOf({ verdict: 'passed', exitCode: 0, reason: null });
    await tell('slack', { url: server.url }, { end: nativeEnd(passed, 'https://load.example') });
    await tell('slack', { url: server.url }, { end: originalEnd('r', {}, {}, 'https://load.example') });
    expect(server.posted.map(({ body }) => body.text)).toEqual([
      ':white_check_mark: shop.ts passed (exit 0); 40000 requests in 20.5 s, coverage 100.0 % <https://load.example/run/r>',
      'Test Over. <https://load.example/run/r>',
    ]);
  });
});

describe('a webhook', () => {
  it('gets the whole end of the run as JSON, with the token that it was given', async () => {
    const server = await serve([204]);
    expect(await tell('webhook', { url: server.url, token: 't0ken' })).toMatchObject({ ok: true });
    expect(server.posted).toHaveLength(1);
    expect(server.posted[0]?.headers).toMatchObject({
      authorization: 'Bearer t0ken',
      'content-type': 'application/json',
      'user-agent': 'muster-broker',
      'x-muster-run': 'run-1',
    });
    expect(server.posted[0]?.body).toEqual({
      version: 1,
      event: 'run.finished',
      run: 'run-1',
      name: 'shop.ts',
      dialect: 'native',
      text: END.text,
      link: null,
      verdict: 'failed',
      exitCode: 99,
      reason: 'too <slow> & more',
      startedAt: null,
      endedAt: '2026-11-23T18:32:55.901Z',
      durationMs: 20_465,
      summary: summaryOf({ id: 'run-1', reason: 'too <slow> & more' }),
      totals: null,
    });
  });

  it('is tried again when the server is busy or broken, and not when it says no', async () => {
    const busy = await serve([503, 429, 200]);
    expect(await tell('webhook', { url: busy.url })).toMatchObject({ ok: true, text: 'told at try 3' });
    expect(busy.posted).toHaveLength(3);
    const gone = await serve([404]);
    expect(await tell('webhook', { url: gone.url })).toMatchObject({
      ok: false,
      text: 'not told: the server answered 404 Not Found',
    });
    expect(gone.posted).toHaveLength(1);
  });

  it('is not sent on to where the server points, with all that is in it', async () => {
    const other = await serve();
    const server = await serve([307], 0, { location: other.url });
    expect(await tell('webhook', { url: server.url })).toMatchObject({
      ok: false,
      text: expect.stringContaining('307'),
    });
    expect(other.posted).toEqual([]);
  });

  it('is given up when nobody answers, and its address is in no text', async () => {
    const silent = await serve(['nothing']);
    const nobody = `http://127.0.0.1:${await freePort()}/services/T0/hush`;
    for (const [url, why] of [
      [silent.url, 'took more than 200 ms'],
      [nobody, 'the server could not be reached: ECONNREFUSED'],
    ] as const) {
      const told = await tell('webhook', { url }, { times: { tryMs: 200, tries: 2, backoffMs: 1 } });
      expect(told).toMatchObject({ ok: false, text: `not told, tried 2 times: ${why}` });
      expect(told.log).not.toContain('hush');
    }
  });

  it('is told when the server comes up between two tries', async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/`;
    const times = { ...QUICK, tries: 40, backoffMs: 50 };
    const told = await tell('webhook', { url }, { times, onRetry: () => void serve([200], port) });
    expect(told.text).toMatch(/^told at try \d+$/);
  });
});
