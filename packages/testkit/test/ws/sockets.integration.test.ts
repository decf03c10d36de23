import { createServer } from 'node:net';
import { CAUSES } from '@muster/engine/internal';
import { check, exec, group, http, type Options, sleep, WebSocket, type WsError, ws } from '@muster/script';
import { startTarget, type Target, TEST_CERTIFICATES } from '@muster/testkit/target';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support.js';
import { count, iteration } from './support.js';

let target: Target;
let url: string;
// One for each test: a socket that is left says goodbye when its test is over already.
beforeEach(async () => {
  target = await startTarget();
  url = `${target.url.replace('http', 'ws')}/ws/echo`;
});
afterEach(() => target.close());

const bytesOf = (text: string): ArrayBuffer => Uint8Array.from(Buffer.from(text)).buffer;
const textOf = (data: unknown): string => Buffer.from(data as ArrayBuffer).toString();

describe('a socket that is awaited', () => {
  it('sends and gets text and bytes, in order, and is measured', async () => {
    const seen: unknown[] = [];
    const result = await iteration(async () => {
      const socket = await ws.connect(url, { protocols: ['chat', 'soap'], tags: { name: 'echo', kind: 'test' } });
      expect([socket.readyState, socket.protocol, socket.url]).toEqual([WebSocket.OPEN, 'chat', url]);
      socket.send('one');
      socket.send(bytesOf('two'));
      seen.push(await socket.message(), textOf(await socket.message()));
      socket.binaryType = 'blob';
      socket.send(new Uint8Array(Buffer.from('three')));
      seen.push(await ((await socket.message()) as Blob).text());
      socket.close();
      seen.push(await socket.message(), (await socket.closed).code);
    });
    expect(result.errors).toEqual([]);
    expect(seen).toEqual(['one', 'two', 'three', null, 1_000]);
    expect(target.counts).toMatchObject({ sockets: 1, messages: 3, ends: { 1000: 1 } });
    const tags = '{name:echo,kind:test,status:101,subproto:chat,scenario:default,group:}';
    for (const [metric, value] of Object.entries({ ws_sessions: 1, ws_msgs_sent: 3, ws_msgs_received: 3 })) {
      expect(count(result, metric), metric).toBe(value);
      expect(count(result, `${metric}${tags}`), metric).toBe(value);
    }
    for (const metric of ['ws_connecting', 'ws_session_duration']) expect(result.metrics[metric]).toBeDefined();
    expect(result.metrics.ws_session_duration?.values.max).toBeGreaterThanOrEqual(
      result.metrics.ws_connecting?.values.max ?? Number.POSITIVE_INFINITY,
    );
    expect(count(result, 'data_sent')).toBeGreaterThan(3 * 6 + 11);
    expect(count(result, 'data_received')).toBeGreaterThan(3 * 2 + 11);
    expect(result.metrics.http_reqs).toBeUndefined();
  });

  it('gives messages that come before anybody asks, and ends with the socket', async () => {
    const seen: unknown[] = [];
    await iteration(async () => {
      const socket = await ws.connect(`${url}?first=3&after=1&code=4002&reason=enough`);
      await sleep(0.05);
      socket.send('go');
      for await (const message of socket) seen.push(message);
      seen.push(await socket.closed);
    });
    expect(seen).toEqual([
      'greeting 0',
      'greeting 1',
      'greeting 2',
      'go',
      { code: 4_002, reason: 'enough', wasClean: true, error: '', error_code: 0 },
    ]);
  });

  it('reads no more when too much waits, and loses nothing', async () => {
    let got = 0;
    const result = await iteration(async () => {
      const socket = await ws.connect(`${url}?first=5000`);
      socket.send('last');
      await until(() => target.counts.messages === 1);
      for await (const message of socket) {
        got += 1;
        if (message === 'last') break;
      }
    });
    expect(got).toBe(5_001);
    expect(count(result, 'ws_msgs_received')).toBe(5_001);
  });

  it('carries headers, the cookies of its user and what they become', async () => {
    const seen: Record<string, unknown> = {};
    const result = await iteration(async () => {
      http.cookieJar().set(target.url, 'session', 'abc');
      const socket = await ws.connect(`${url.replace('ws://', 'ws://me:secret@')}/whoami`, {
        headers: { 'X-Mine': 'yes', 'X-Set-Cookie': 'seen=1; Path=/' },
      });
      Object.assign(seen, JSON.parse((await socket.message()) as string));
      seen.after = http.cookieJar().cookiesForURL(target.url);
      seen.url = socket.url;
    });
    expect(result.errors).toEqual([]);
    expect(seen).toMatchObject({
      cookie: 'session=abc',
      'x-mine': 'yes',
      host: new URL(target.url).host,
      authorization: `Basic ${Buffer.from('me:secret').toString('base64')}`,
      after: { session: ['abc'], seen: ['1'] },
      url: `${url}/whoami`,
    });
    expect(seen['user-agent']).toMatch(/^Muster/);
  });

  it('compresses when it is told to', async () => {
    const text = 'the same again and again, '.repeat(2_000);
    const result = await iteration(async () => {
      const socket = await ws.connect(`${url}?deflate`, { compression: 'deflate' });
      socket.send(text);
      check(await socket.message(), { same: (message) => message === text });
    });
    expect(result.checks).toEqual([{ name: 'same', passes: 1, fails: 0 }]);
    expect(count(result, 'data_sent')).toBeLessThan(text.length / 4);
  });

  it('is closed when its iteration ends, and the next one has its own', async () => {
    const result = await iteration(() => ws.connect(url), { iterations: 3 });
    expect(result.errors).toEqual([]);
    await until(() => target.counts.ends[1_001] === 3);
    expect(count(result, 'ws_sessions')).toBe(3);
  });
});

describe('a socket with callbacks', () => {
  it('keeps a function that gives no promise going until it is closed, as in k6', async () => {
    const seen: unknown[] = [];
    const result = await iteration(() => {
      const socket = new WebSocket(url, null, { tags: { name: 'callbacks' } });
      expect(socket.readyState).toBe(WebSocket.CONNECTING);
      socket.onopen = () => {
        socket.addEventListener('message', ({ data, type, target: from }) => {
          seen.push([type, data, from === socket, exec.vu.idInTest]);
          socket.ping();
        });
        socket.addEventListener('pong', () => socket.close(3_001, 'done'));
        socket.send('hello');
      };
      socket.onclose = ({ code, reason, wasClean }) => seen.push(['close', code, reason, wasClean]);
      return undefined;
    });
    expect(result.errors).toEqual([]);
    expect(seen).toEqual([
      ['message', 'hello', true, 1],
      ['close', 3_001, 'done', true],
    ]);
    expect(target.counts.ends).toEqual({ 3001: 1 });
    expect(result.metrics.ws_ping?.values.max).toBeGreaterThan(0);
    expect(count(result, 'ws_msgs_sent{name:callbacks}')).toBe(1);
    expect(count(result, 'iterations')).toBe(1);
  });

  it.each(['throws', 'rejects'])('fails its iteration when one %s, with the line at which it did', async (how) => {
    const failing = (): unknown => {
      throw new Error('not what I expected');
    };
    const seen: string[] = [];
    const result = await iteration(async () => {
      const socket = await ws.connect(url);
      socket.onmessage = how === 'rejects' ? async () => failing() : failing;
      socket.onclose = () => seen.push('close');
      socket.send('x');
      await socket.closed;
    });
    expect(seen).toEqual([]);
    expect(count(result, 'iterations_failed')).toBe(1);
    expect(result.errors).toMatchObject([{ code: 'SCRIPT_EXCEPTION', message: 'Error: not what I expected' }]);
    expect(result.errors[0]?.where).toContain('sockets.integration.test.ts:');
    await until(() => target.counts.ends[1_001] === 1);
  });

  it('belongs to the group and the tags in which it was made', async () => {
    const result = await iteration(async () => {
      exec.vu.tags.team = 'blue';
      const socket = await group('chat', () => ws.connect(url));
      socket.send('x');
      await socket.message();
      socket.onmessage = () => check(1, { 'in the group': () => true });
      socket.send('y');
      await sleep(0.05);
    });
    expect(result.errors).toEqual([]);
    expect(count(result, 'ws_msgs_received{group:::chat,team:blue}')).toBe(2);
    expect(result.select('checks{group:::chat,team:blue}')?.values.passes).toBe(1);
  });

  it('refuses what can not be meant', async () => {
    const messages: string[] = [];
    const note = async (fn: () => unknown): Promise<void> => {
      try {
        await fn();
        messages.push('nothing');
      } catch (thrown) {
        messages.push((thrown as Error).message);
      }
    };
    await iteration(async () => {
      await note(() => new WebSocket('ftp://127.0.0.1/'));
      await note(() => ws.connect(url, { retries: 201 }));
      await note(() => ws.connect(url, { timeout: 'soon' }));
      const socket = new WebSocket(url);
      await note(() => socket.send('too early'));
      await note(() => socket.addEventListener('nothing' as 'open', () => undefined));
      const open = await ws.connect(url);
      await note(() => open.close(1_006));
      open.close();
      await open.closed;
      await note(() => open.send('too late'));
      await note(() => ws.connect(url, { protocols: ['a b'] }));
      await note(() => ws.connect(url, { headers: { 'X-Bad': 'a\nb' } }));
    });
    expect(messages.map((message) => message.split(':')[0])).toEqual([
      'not a ws or wss URL',
      'retries is a whole number from 0 to 200, not 201',
      'timeout "soon" is not milliseconds or a duration',
      "can't send",
      'a socket has no event "nothing"',
      'First argument must be a valid error code number',
      "can't send",
      '[INVALID_REQUEST] ws',
      '[INVALID_REQUEST] ws',
    ]);
  });
});

describe('a connection', () => {
  it('is tried again as often as the test says, each try counted', async () => {
    let accepted = 0;
    const flaky = createServer((socket) => {
      accepted += 1;
      socket.resume();
      if (accepted <= 3) socket.resetAndDestroy();
      else socket.end('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n');
    });
    await new Promise<void>((resolve) => flaky.listen(0, '127.0.0.1', resolve));
    const { port } = flaky.address() as { port: number };
    let caught: WsError | null = null;
    const result = await iteration(async () => {
      await ws.connect(`ws://127.0.0.1:${port}/`, { retries: 10, retryDelay: 5 }).catch((error: WsError) => {
        caught = error;
      });
    });
    await new Promise((resolve) => flaky.close(resolve));
    expect(caught).toMatchObject({ status: 503, error_code: CAUSES.wsRefused.number });
    expect(accepted).toBe(4);
    expect(count(result, 'ws_sessions')).toBe(4);
    expect(count(result, `ws_sessions{error_code:${CAUSES.reset.number}}`)).toBe(3);
  });

  it('that nobody takes is refused', async () => {
    const closed = await startTarget();
    await closed.close();
    const result = await iteration(() => ws.connect(`ws://127.0.0.1:${closed.port}/`, { retries: 2, retryDelay: 1 }));
    expect(result.errors[0]).toMatchObject({ code: 'ECONNREFUSED', count: 1 });
    expect(count(result, `ws_sessions{status:0,error_code:${CAUSES.refused.number}}`)).toBe(3);
    expect(count(result, 'iterations_failed')).toBe(1);
  });

  const careless: Options = { insecureSkipTLSVerify: true, hosts: { 'shop.muster.test': '127.0.0.1' } };
  it.each<[string, Options, string[]]>([
    ['by nobody who is trusted is refused', { hosts: careless.hosts ?? {} }, ['TLS_UNKNOWN_AUTHORITY']],
    ['is taken when nobody looks, by its name', careless, []],
  ])('with a certificate %s', async (_, options, codes) => {
    await using secure = await startTarget({ tls: TEST_CERTIFICATES.good });
    let host = '';
    const result = await iteration(
      async () => {
        const socket = await ws.connect(`wss://shop.muster.test:${secure.port}/ws/echo/whoami`).catch(() => null);
        host = socket === null ? '' : JSON.parse(String(await socket.message())).host;
      },
      { options },
    );
    expect(result.errors.map(({ code }) => code)).toEqual(codes);
    expect(host).toBe(codes.length > 0 ? '' : `shop.muster.test:${secure.port}`);
  });
});
