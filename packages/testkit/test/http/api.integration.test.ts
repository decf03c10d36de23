import { gunzipSync } from 'node:zlib';
import { CAUSES } from '@muster/engine/internal';
import { startTarget, type Target } from '@muster/testkit/target';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeClient } from './support.js';

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.close());

describe('a request', () => {
  it.each(['get', 'head', 'post', 'put', 'patch', 'del', 'options'] as const)(
    '%s goes with its method',
    async (name) => {
      const { http, user } = makeClient();
      const method = name === 'del' ? 'DELETE' : name.toUpperCase();
      const answer = await (name === 'get' || name === 'head'
        ? http[name](`${target.url}/echo`)
        : http[name](`${target.url}/echo`, 'x'));
      if (name !== 'head') expect(answer.json('method')).toBe(method);
      expect(user.recorded[0]?.request).toEqual({
        name: `${target.url}/echo`,
        method,
        tags: undefined,
        expected: true,
      });
    },
  );

  it('may have any method, and is the same by asyncRequest', async () => {
    const { http } = makeClient();
    expect((await http.request('report', `${target.url}/echo`)).json('method')).toBe('REPORT');
    expect((await http.asyncRequest('PUT', `${target.url}/echo`, 'b')).json('body')).toBe('b');
  });

  it('carries text, bytes, forms and files', async () => {
    const { http } = makeClient();
    const url = `${target.url}/echo?a=1&b=%20`;
    expect((await http.post(url, 'päth ✓')).json('body')).toBe('päth ✓');
    expect((await http.post(url, new TextEncoder().encode('bytes'))).json('body')).toBe('bytes');
    expect((await http.post(url, new TextEncoder().encode('buffer').buffer as ArrayBuffer)).json('body')).toBe(
      'buffer',
    );
    const form = (await http.post(url, { x: 'y z', n: 2, yes: true, list: ['a', 'b'] })).json() as {
      headers: Record<string, string>;
      body: string;
      query: Record<string, string>;
    };
    expect(form.body).toBe('x=y+z&n=2&yes=true&list=a&list=b');
    expect(form.headers).toMatchObject({ 'content-type': 'application/x-www-form-urlencoded', 'content-length': '32' });
    expect(form.query).toEqual({ a: '1', b: ' ' });
    const file = http.file('file"s text', 'na"me.txt', 'text/plain');
    const multipart = (await http.post(url, { field: 'v', file })).json() as {
      headers: Record<string, string>;
      body: string;
    };
    const boundary = /^multipart\/form-data; boundary=(.+)$/.exec(multipart.headers['content-type'] ?? '')?.[1];
    expect(multipart.body).toBe(
      `--${boundary}\r\nContent-Disposition: form-data; name="field"\r\n\r\nv\r\n` +
        `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="na%22me.txt"\r\nContent-Type: text/plain\r\n\r\nfile"s text\r\n` +
        `--${boundary}--\r\n`,
    );
  });

  it('announces the length of a body, also of an empty one where one is expected', async () => {
    const { http } = makeClient();
    expect((await http.post(`${target.url}/echo`)).json('headers.content-length')).toBe('0');
    expect((await http.del(`${target.url}/echo`)).json('headers.content-length')).toBe(undefined);
    const lying = await http.post(`${target.url}/echo`, 'four', { headers: { 'Content-Length': '400' } });
    expect(lying.json('headers.content-length')).toBe('4');
  });

  it('is compressed when asked', async () => {
    const { http } = makeClient();
    const sent = await http.post(`${target.url}/mirror`, 'squeeze '.repeat(100), {
      compression: 'gzip',
      responseType: 'binary',
    });
    expect(gunzipSync(sent.body as Uint8Array).toString()).toBe('squeeze '.repeat(100));
    const echo = await http.post(`${target.url}/echo`, 'x', { compression: 'gzip, br' });
    expect(echo.json('headers.content-encoding')).toBe('gzip, br');
  });

  it('has the headers that it was given in the place of ours', async () => {
    const { http } = makeClient();
    const headers = { 'x-mine': 'yes', 'USER-AGENT': 'me', host: 'elsewhere', 'X-Ünicode': 'no' };
    expect(await http.get(`${target.url}/echo`, { headers })).toMatchObject({
      status: 0,
      error_code: CAUSES.invalidRequest.number,
    });
    const { 'X-Ünicode': _, ...good } = headers;
    const sent = (await http.get(`${target.url}/echo`, { headers: { ...good, 'x-value': 'ü' } })).json('headers');
    expect(sent).toMatchObject({ 'x-mine': 'yes', 'user-agent': 'me', host: 'elsewhere', 'x-value': 'Ã¼' });
  });

  it.each<[what: string, params: object]>([
    ['a header with a line break', { headers: { injected: 'x\r\nY: z' } }],
    ['a header without a name', { headers: { '': 'x' } }],
    ['a cookie with a line break', { cookies: { a: 'x\r\nY: z' } }],
    ['a transfer encoding of its own', { headers: { 'Transfer-Encoding': 'chunked' } }],
    ['a compression that nobody knows', { compression: 'rar' }],
    ['an auth that is not there', { auth: 'digest' }],
  ])('with %s is not sent but fails', async (_, params) => {
    const { http, user } = makeClient();
    const before = target.counts.received;
    const answer = await http.post(`${target.url}/echo`, 'body', params);
    expect(answer).toMatchObject({ status: 0, error_code: CAUSES.invalidRequest.number });
    expect(user.last).toMatchObject({ sent: false, answered: false });
    expect(target.counts.received).toBe(before);
  });

  it.each(['nonsense', '', 'ftp://127.0.0.1/', 'http://', 'http://bad host/', '//x/y'])(
    'to %j is an invalid URL',
    async (url) => {
      const { http, user } = makeClient();
      expect(await http.get(url)).toMatchObject({ status: 0, error_code: CAUSES.invalidUrl.number });
      expect(user.recorded).toHaveLength(1);
      await expect(makeClient({ throw: true }).http.get(url)).rejects.toThrow('INVALID_URL');
    },
  );

  it('is judged by the statuses that were named', async () => {
    const { http, user } = makeClient();
    const missing = `${target.url}/status/404`;
    const expected = () => user.recorded.at(-1)?.request.expected;
    await http.get(missing);
    expect(expected()).toBe(false);
    await http.get(missing, { responseCallback: http.expectedStatuses(200, { min: 400, max: 404 }) });
    expect(expected()).toBe(true);
    await http.get(missing, { expectedStatuses: [404] });
    expect(expected()).toBe(true);
    await http.get(missing, { responseCallback: null });
    expect(expected()).toBe(true);
    http.setResponseCallback(http.expectedStatuses(404));
    await http.get(missing);
    expect(expected()).toBe(true);
    await http.get(`${target.url}/`);
    expect(expected()).toBe(false);
    http.setResponseCallback(null);
    await http.get(`${target.url}/status/500`);
    expect(expected()).toBe(true);
    expect(() => http.expectedStatuses('2xx' as never)).toThrow(TypeError);
  });

  it('rejects without an answer only when the test wants that', async () => {
    const gone = await startTarget();
    await gone.close();
    await expect(makeClient({ throw: true }).http.get(gone.url)).rejects.toThrow('[ECONNREFUSED] GET');
    expect((await makeClient({ throw: true }).http.get(`${target.url}/status/500`)).status).toBe(500);
  });

  it('has the name and tags that it was given', async () => {
    const { http, user } = makeClient();
    const tags = { name: 'front', kind: 'a' };
    await http.get(`${target.url}/`, { tags });
    expect(user.recorded.at(-1)?.request).toMatchObject({ name: 'front', tags });
    const id = 7;
    await http.get(http.url`${target.url}/bytes?n=${id}`);
    expect(user.recorded.at(-1)?.request).toMatchObject({ name: `\${}/bytes?n=\${}` });
    expect(user.last.bytesReceived).toBeGreaterThan(7);
  });

  it('takes credentials from its URL and shows them to nobody', async () => {
    const { http, user } = makeClient();
    const answer = await http.get(`http://us%20er:se%3Acret@127.0.0.1:${target.port}/echo`);
    expect(answer.json('headers.authorization')).toBe(`Basic ${Buffer.from('us er:se:cret').toString('base64')}`);
    expect(answer.url).toBe(`http://****:****@127.0.0.1:${target.port}/echo`);
    expect(user.recorded[0]?.request.name).toBe(answer.url);
  });
});

describe('a redirect', () => {
  it('is followed, each hop measured', async () => {
    const { http, user } = makeClient();
    const answer = await http.get(`${target.url}/redirect?n=3`);
    expect(answer).toMatchObject({ status: 200, body: 'arrived\n' });
    expect(answer.url).toContain('n=0');
    expect(user.recorded.map(({ exchange }) => exchange.status)).toEqual([302, 302, 302, 200]);
    expect(user.recorded.every(({ request }) => request.expected)).toBe(true);
  });

  it('too many of them is an error, unless the author chose how many', async () => {
    const { http, user } = makeClient();
    expect((await http.get(`${target.url}/redirect?n=30`)).error_code).toBe(CAUSES.tooManyRedirects.number);
    expect(user.recorded).toHaveLength(11);
    expect(user.recorded.at(-1)).toMatchObject({
      exchange: { answered: true, status: 302 },
      request: { expected: false },
    });
    expect(await http.get(`${target.url}/redirect?n=3`, { redirects: 0 })).toMatchObject({ status: 302, error: '' });
    expect(await http.get(`${target.url}/redirect?n=9`, { redirects: 2 })).toMatchObject({ status: 302, error: '' });
    expect(await makeClient({ maxRedirects: 0 }).http.get(`${target.url}/redirect?n=1`)).toMatchObject({
      status: 302,
      error: '',
    });
  });

  it.each<[status: number, method: string, then: string, body: string]>([
    [301, 'POST', 'GET', ''],
    [302, 'PUT', 'GET', ''],
    [303, 'DELETE', 'GET', ''],
    [307, 'POST', 'POST', 'body'],
    [308, 'PUT', 'PUT', 'body'],
  ])('by %i of a %s goes on as a %s', async (status, method, then, body) => {
    const { http } = makeClient();
    const to = encodeURIComponent(`${target.url}/echo`);
    const answer = await http.request(method, `${target.url}/redirect?status=${status}&to=${to}`, 'body', {
      headers: { 'Content-Type': 'text/special' },
    });
    expect(answer.json('method')).toBe(then);
    expect(answer.json('body')).toBe(body);
    expect(answer.json('headers.content-type')).toBe(body === '' ? undefined : 'text/special');
  });

  it('to another origin takes no secrets along', async () => {
    await using other = await startTarget();
    const { http } = makeClient();
    const headers = { Authorization: 'Bearer secret', 'X-Public': 'yes' };
    const to = encodeURIComponent(`${other.url}/echo`);
    const away = await http.get(`${target.url}/redirect?to=${to}`, { headers, cookies: { session: 'secret' } });
    expect(away.json('headers')).toMatchObject({ 'x-public': 'yes' });
    expect(away.json('headers.authorization')).toBe(undefined);
    expect(away.json('headers.cookie')).toBe(undefined);
    const home = await http.get(`${target.url}/redirect?to=%2Fecho`, { headers, cookies: { session: 'secret' } });
    expect(home.json('headers')).toMatchObject({ authorization: 'Bearer secret', cookie: 'session=secret' });
  });

  it('to nowhere fails', async () => {
    const { http } = makeClient();
    expect((await http.get(`${target.url}/redirect?to=ftp%3A%2F%2Fx`)).error_code).toBe(CAUSES.invalidUrl.number);
  });
});

describe('cookies', () => {
  it('are sent again to where they belong', async () => {
    const { http } = makeClient();
    const seen = async (path = '/cookies'): Promise<unknown> => (await http.get(`${target.url}${path}`)).json();
    const answer = await http.get(`${target.url}/cookie/set?a=1&b=2`);
    expect(answer.cookies.a?.[0]).toMatchObject({ name: 'a', value: '1', path: '/', secure: false });
    expect(await seen()).toBe('a=1; b=2');
    await http.get(`${target.url}/cookie/set?a=3`);
    expect(await seen()).toBe('a=3; b=2');
    await http.get(`${target.url}/cookie/set?a=x&attributes=Path%3D%2F%3B%20Max-Age%3D0`);
    expect(await seen()).toBe('b=2');
    await http.get(`${target.url}/cookie/set?s=1&attributes=Path%3D%2F%3B%20Secure`);
    await http.get(`${target.url}/cookie/set?p=1&attributes=Path%3D%2Felsewhere`);
    await http.get(`${target.url}/cookie/set?d=1&attributes=Path%3D%2F%3B%20Domain%3Dexample.com`);
    expect(await seen()).toBe('b=2');
  });

  it('that a redirect sets are there at its end', async () => {
    const { http } = makeClient();
    const set = encodeURIComponent('/cookie/set?hop=1');
    await http.get(`${target.url}/redirect?to=${set}`);
    expect((await http.get(`${target.url}/cookies`)).json()).toBe('hop=1');
  });

  it('of a request go before those of the user, and may replace them', async () => {
    const { http } = makeClient();
    await http.get(`${target.url}/cookie/set?a=jar&b=jar`);
    const with_ = async (cookies: object) =>
      (await http.get(`${target.url}/cookies`, { cookies: cookies as never })).json();
    expect(await with_({ a: 'own' })).toBe('a=own; a=jar; b=jar');
    expect(await with_({ a: { value: 'own', replace: true } })).toBe('a=own; b=jar');
  });

  it('lie in a jar that can be looked into, and in others', async () => {
    const { http } = makeClient();
    const jar = http.cookieJar();
    expect(jar.set(`${target.url}/`, 'mine', 'v', { path: '/', max_age: 60 })).toBe(true);
    expect(jar.set(`${target.url}/`, 'theirs', 'v', { domain: 'example.com' })).toBe(false);
    expect(jar.cookiesForURL(`${target.url}/x`)).toEqual({ mine: ['v'] });
    expect((await http.get(`${target.url}/cookies`)).json()).toBe('mine=v');
    const other = new http.CookieJar();
    other.set(target.url, 'other', 'w');
    expect((await http.get(`${target.url}/cookies`, { jar: other })).json()).toBe('other=w');
    await http.get(`${target.url}/cookie/set?late=1`, { jar: other });
    expect(other.cookiesForURL(target.url)).toEqual({ other: ['w'], late: ['1'] });
    expect(jar.cookiesForURL(target.url)).toEqual({ mine: ['v'] });
    other.delete(target.url, 'other');
    expect(other.cookiesForURL(target.url)).toEqual({ late: ['1'] });
    jar.clear(target.url);
    expect((await http.get(`${target.url}/cookies`)).json()).toBe('');
    expect(() => jar.clear('nonsense')).toThrow(TypeError);
  });
});

describe('a batch', () => {
  it('gives its answers in order, in every way it can be written', async () => {
    const { http } = makeClient();
    const many = await http.batch(Array.from({ length: 30 }, (_, n) => `${target.url}/bytes?n=${n + 1}`));
    expect(many.map((answer) => String(answer.body).length)).toEqual(Array.from({ length: 30 }, (_, n) => n + 1));
    const mixed = await http.batch([
      `${target.url}/echo`,
      ['POST', `${target.url}/echo`, 'b'],
      { method: 'put', url: `${target.url}/echo`, body: { x: 1 }, params: { headers: { y: 'z' } } },
      http.url`${target.url}/echo`,
    ]);
    expect(mixed.map((answer) => answer.json('method'))).toEqual(['GET', 'POST', 'PUT', 'GET']);
    const named = await http.batch({ one: `${target.url}/status/201`, two: `${target.url}/status/204` });
    expect(named.one.status).toBe(201);
    expect(named.two.status).toBe(204);
    expect(await http.batch([])).toEqual([]);
  });

  it('keeps to its limits', async () => {
    await using other = await startTarget();
    const { http } = makeClient({ batch: 4, batchPerHost: 3 });
    const before = [target.counts.connections, other.counts.connections];
    const urls = Array.from({ length: 24 }, (_, n) => `${n % 2 === 0 ? target.url : other.url}/delay?ms=5`);
    expect((await http.batch(urls)).every((answer) => answer.status === 200)).toBe(true);
    expect(target.counts.connections - (before[0] ?? 0)).toBeLessThanOrEqual(3);
    expect(other.counts.connections - (before[1] ?? 0)).toBeLessThanOrEqual(3);
  });
});
