import { Resolver } from '@muster/engine/internal';
import { runOnce } from '@muster/engine/testing';
import { check, http, ws } from '@muster/script';
import { startTarget, TEST_CERTIFICATES } from '@muster/testkit/target';
import { describe, expect, it } from 'vitest';
import { makeClient, TestUser } from './support.js';

describe('a base URL', () => {
  it('is where relative URLs lead, and absolute ones do not', async () => {
    await using target = await startTarget();
    const { http: client, user } = makeClient({ baseUrl: `${target.url}/echo/deep` });
    expect((await client.get('/echo?a=1')).json('query.a')).toBe('1');
    expect((await client.post('mirror', 'x')).url).toBe(`${target.url}/echo/mirror`);
    expect((await client.get('?b=2')).url).toBe(`${target.url}/echo/deep?b=2`);
    expect((await client.get(client.url`/bytes?n=${3}`)).body).toHaveLength(3);
    expect((await client.get(`${target.url}/`)).status).toBe(200);
    const both = await client.batch(['/', { method: 'GET', url: '/status/404' }]);
    expect(both.map(({ status }) => status)).toEqual([200, 404]);
    // `/bytes?n=${}` was named by its template, the others by their whole URL.
    expect(user.recorded[0]?.request.name).toBe(`${target.url}/echo?a=1`);
    client.cookieJar().set('/', 'a', 'b');
    expect(client.cookieJar().cookiesForURL(target.url)).toEqual({ a: ['b'] });
  });

  it('is missed with a word of what to do', async () => {
    const { http: client } = makeClient();
    const answer = await client.get('/basket');
    expect(answer).toMatchObject({ status: 0, error_code: 1_020 });
    expect(answer.error).toMatch(
      /"\/basket" has no scheme and the test has no base: set options.baseUrl, give --server-url/,
    );
    const withBase = makeClient({ baseUrl: 'http://127.0.0.1:1/' });
    expect(await withBase.http.get('localhost:8080/x')).toMatchObject({ error_code: 1_020 });
  });

  it('is the option of the test, the run’s in its place, and changed in the test by http.at', async () => {
    await using one = await startTarget();
    await using two = await startTarget();
    const seen: unknown[] = [];
    const other = () => http.at(`${two.url}/`);
    const test = {
      options: { baseUrl: 'http://127.0.0.1:1' },
      default: async () => {
        await http.get('/cookie/set?who=me');
        seen.push((await http.get('/bytes?n=1')).url, (await other().get('/bytes?n=2')).url);
        seen.push((await other().get('/cookies')).body, (await http.get('/cookies')).body);
        const socket = await ws.connect('/ws/echo?first=1');
        seen.push(await socket.message(), __ENV.BASE_URL);
        expect(() => http.at('/relative')).toThrow('http.at takes an absolute http or https URL');
      },
    };
    const result = await runOnce(test, { baseUrl: one.url });
    expect(result.errors).toEqual([]);
    expect(seen).toEqual([
      `${one.url}/bytes?n=1`,
      `${two.url}/bytes?n=2`,
      // Cookies do not look at ports.
      '"who=me"',
      '"who=me"',
      'greeting 0',
      one.url,
    ]);
    expect(one.counts.paths['/bytes']?.served).toBe(1);
    expect(two.counts.paths['/bytes']?.served).toBe(1);
    expect((await runOnce(test)).errors[0]?.code).toBe('ECONNREFUSED');
    await expect(runOnce({ ...test, options: { baseUrl: 'shop' } })).rejects.toThrow('baseUrl: must be an absolute');
  });
});

describe('names', () => {
  it('are spread over all their addresses, and told as they were written', async () => {
    await using target = await startTarget({ host: '0.0.0.0' });
    const resolver = new Resolver({ ttlMs: null, select: 'roundRobin', policy: 'preferIPv4' }, async () => [
      '127.0.0.1',
      '127.0.0.2',
      '127.0.0.3',
    ]);
    const url = `http://shop.example:${target.port}/`;
    const seen: string[] = [];
    for (let each = 0; each < 6; each += 1) {
      const user = new TestUser();
      const { http: client } = makeClient({ user, shared: { resolver } });
      const answer = await client.get(url);
      expect([answer.status, answer.url, user.recorded[0]?.request.name]).toEqual([200, url, url]);
      seen.push(answer.remote_ip);
      user.connections.close();
    }
    expect(seen).toEqual(['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.1', '127.0.0.2', '127.0.0.3']);
  });

  it('have another address in their place where one does not take the connection', async () => {
    await using target = await startTarget({ host: '127.0.0.2' });
    const resolver = new Resolver({ ttlMs: null, select: 'first', policy: 'preferIPv4' }, async () => [
      '127.0.0.1',
      '127.0.0.2',
    ]);
    const { http: client } = makeClient({ shared: { resolver } });
    expect(await client.get(`http://shop.example:${target.port}/`)).toMatchObject({
      status: 200,
      remote_ip: '127.0.0.2',
    });
  });
});

describe('what the original’s test cases had', () => {
  it('a certificate that nobody signed is taken when the test says so', async () => {
    await using secure = await startTarget({ tls: TEST_CERTIFICATES['self-signed'] });
    const test = { default: async () => check(await http.get('/'), { there: ({ status }) => status === 200 }) };
    const careful = await runOnce(test, { baseUrl: secure.url });
    expect(careful.checks).toMatchObject([{ passes: 0, fails: 1 }]);
    expect(careful.errors[0]?.code).toMatch(/^TLS_/);
    const careless = await runOnce({ ...test, options: { insecureSkipTLSVerify: true } }, { baseUrl: secure.url });
    expect(careless.checks).toMatchObject([{ passes: 1, fails: 0 }]);
    expect(careless.errors).toEqual([]);
  });

  it('something is done before and after each iteration, whatever becomes of it', async () => {
    const calls: string[] = [];
    const eachTime = (iteration: () => Promise<void>) => async () => {
      calls.push('set up');
      try {
        await iteration();
      } finally {
        calls.push('torn down');
      }
    };
    const result = await runOnce(
      {
        default: eachTime(async () => {
          calls.push(`iteration ${__ITER}`);
          if (__ITER === 0) throw new Error('the first one fails');
        }),
      },
      { iterations: 2 },
    );
    expect(calls).toEqual(['set up', 'iteration 0', 'torn down', 'set up', 'iteration 1', 'torn down']);
    expect(result.metrics.iterations_failed?.values.count).toBe(1);
  });
});
