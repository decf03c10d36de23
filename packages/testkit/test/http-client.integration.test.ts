import { connect } from 'node:net';
import {
  CAUSES,
  CookieJar,
  Deadlines,
  type Exchange,
  HttpClient,
  type HttpOptions,
  type HttpUser,
  type RecordedRequest,
  ResponseParser,
  TargetUrls,
} from '@muster/engine/internal';
import { parseDuration } from '@muster/plan';
import { HOSTILE_PATHS, startTarget, type Target } from '@muster/testkit/target';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

let target: Target;
let recorded: { exchange: Exchange; request: RecordedRequest }[];
let user: HttpUser & { cancelled: boolean; epoch: number };

const OPTIONS: HttpOptions = {
  maxRedirects: 10,
  discardResponseBodies: false,
  noConnectionReuse: false,
  throw: false,
  batch: 20,
  batchPerHost: 6,
};
const clientWith = (options: Partial<HttpOptions> = {}): HttpClient =>
  new HttpClient({
    user: () => user,
    urls: new TargetUrls({}, 'Muster/test'),
    shared: { deadlines: new Deadlines(), insecureSkipTLSVerify: false, sessions: new Map() },
    options: { ...OPTIONS, ...options },
    parseDuration,
  });

beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.close());
beforeEach(() => {
  recorded = [];
  user = {
    connections: { idle: new Map(), all: new Set() },
    jar: new CookieJar(),
    cancelled: false,
    epoch: 0,
    record: (exchange, request) => recorded.push({ exchange, request }),
  };
});

/** The one cause that each broken answer must give. */
const CAUSE_OF: Readonly<Record<string, keyof typeof CAUSES | null>> = {
  '/reset-after-request': 'reset',
  '/close-after-request': 'closedUnanswered',
  '/reset-mid-headers': 'reset',
  '/close-mid-headers': 'truncated',
  '/reset-mid-body': 'reset',
  '/close-mid-body': 'truncated',
  '/close-mid-chunk': 'truncated',
  '/no-last-chunk': 'truncated',
  '/stall-before-answer': 'timeout',
  '/stall-in-headers': 'timeout',
  '/stall-in-body': 'timeout',
  '/bad-status-line': 'badStatusLine',
  '/bad-status-code': 'badStatusLine',
  '/bad-header': 'badHeader',
  '/header-flood': 'headersTooLarge',
  '/endless-header': 'headersTooLarge',
  '/bad-chunk-size': 'badChunk',
  '/chunk-overflow': 'badChunk',
  '/two-lengths': 'badLength',
  '/bad-length': 'badLength',
  '/garbage-after': null,
  '/close-silently': null,
};

describe('a broken answer', () => {
  it('of every kind is listed here', () => {
    expect(Object.keys(CAUSE_OF).sort()).toEqual([...HOSTILE_PATHS].sort());
  });

  it.each(Object.entries(CAUSE_OF))('%s gives %s, and the next request is fine', async (path, cause) => {
    const http = clientWith();
    const answer = await http.get(`${target.url}${path}`, { timeout: 300 });
    expect(answer.error_code).toBe(cause === null ? 0 : CAUSES[cause].number);
    expect(recorded[0]?.exchange).toMatchObject({ sent: true, answered: cause === null });
    const next = await http.get(`${target.url}/`);
    // A peer that closes without a word may do so after the next request was written: that is an error of its own.
    const race =
      path === '/close-silently'
        ? [0, CAUSES.closedUnanswered.number, CAUSES.reset.number, CAUSES.brokenPipe.number]
        : [0];
    expect(race).toContain(next.error_code);
  });

  it('on a connection that the peer has closed is not silently sent again', async () => {
    const http = clientWith();
    await http.get(`${target.url}/`);
    const before = target.counts.received;
    const answers = [await http.get(`${target.url}/close-after-request`), await http.get(`${target.url}/`)];
    expect(answers.map((each) => each.error_code)).toEqual([CAUSES.closedUnanswered.number, 0]);
    expect(target.counts.received - before).toBe(2);
  });

  it('of a port where nobody listens is a refusal, and of a name that nobody knows no such host', async () => {
    const probe = await startTarget();
    await probe.close();
    const http = clientWith();
    expect(await http.get(probe.url)).toMatchObject({ status: 0, error_code: CAUSES.refused.number });
    expect(await http.get('http://no-such-host.invalid/')).toMatchObject({ error_code: CAUSES.noSuchHost.number });
    expect(await http.get('nonsense')).toMatchObject({ error_code: CAUSES.invalidUrl.number });
    expect(recorded.map((each) => each.exchange.sent)).toEqual([false, false, false]);
  });
});

describe('a decent answer', () => {
  it('is read however it is framed', async () => {
    const http = clientWith();
    expect((await http.get(`${target.url}/`)).body).toBe('hello, world\n');
    expect((await http.get(`${target.url}/bytes?n=300000`)).body).toHaveLength(300_000);
    expect((await http.get(`${target.url}/chunked?n=7&size=1000`)).body).toBe('c'.repeat(7_000));
    expect((await http.get(`${target.url}/until-close`)).body).toBe('all of it');
    expect((await http.get(`${target.url}/continue`)).body).toBe('ok');
    expect(await http.head(`${target.url}/head`)).toMatchObject({ status: 200, body: '' });
    for (const status of [204, 304, 404, 503])
      expect((await http.get(`${target.url}/status/${status}`)).status).toBe(status);
    for (const path of ['/gzip', '/br', '/deflate', '/deflate-raw'])
      expect((await http.get(`${target.url}${path}`)).body).toMatch(/^All work/);
    expect(recorded.every((each) => each.exchange.answered)).toBe(true);
  });

  it('keeps the connection, or closes it when told', async () => {
    const http = clientWith();
    const before = target.counts.connections;
    for (let n = 0; n < 5; n += 1) await http.get(`${target.url}/`);
    expect(target.counts.connections - before).toBe(1);
    await http.get(`${target.url}/close`);
    await http.get(`${target.url}/`);
    expect(target.counts.connections - before).toBe(2);
    expect(recorded.at(-1)?.exchange.connectingUs).toBeGreaterThan(0);
    expect(recorded[2]?.exchange).toMatchObject({ connectingUs: 0, blockedUs: 0 });
  });

  it('is what was asked: method, headers, body, form, query', async () => {
    const http = clientWith();
    const sent = (
      await http.post(`${target.url}/echo?a=1`, { x: 'y z', n: 2 }, { headers: { 'x-mine': 'yes' } })
    ).json() as { method: string; headers: Record<string, string>; body: string };
    expect(sent).toMatchObject({ method: 'POST', body: 'x=y+z&n=2' });
    expect(sent.headers).toMatchObject({
      'x-mine': 'yes',
      'content-type': 'application/x-www-form-urlencoded',
      'user-agent': 'Muster/test',
    });
    expect((await http.put(`${target.url}/echo`, 'päth')).json('body')).toBe('päth');
    expect((await http.del(`${target.url}/echo`)).json('method')).toBe('DELETE');
    expect(await http.get(`${target.url}/echo`, { headers: { 'bad header': 'x' } })).toMatchObject({ status: 0 });
    expect(await http.get(`${target.url}/echo`, { headers: { injected: 'x\r\nY: z' } })).toMatchObject({ status: 0 });
  });

  it('brings cookies that are sent again', async () => {
    const http = clientWith();
    await http.get(`${target.url}/cookie/set?a=1&b=2`);
    expect((await http.get(`${target.url}/cookies`)).json()).toBe('a=1; b=2');
    user.jar.clear();
    expect((await http.get(`${target.url}/cookies`)).json()).toBe('');
  });

  it('that redirects is followed, each hop measured, to a limit', async () => {
    const http = clientWith();
    expect(await http.get(`${target.url}/redirect?n=3`)).toMatchObject({
      status: 200,
      url: `${target.url}/redirect?n=0`,
    });
    expect(recorded).toHaveLength(4);
    expect((await http.get(`${target.url}/redirect?n=3`, { redirects: 0 })).status).toBe(302);
    expect((await http.get(`${target.url}/redirect?n=30`)).error_code).toBe(CAUSES.tooManyRedirects.number);
  });

  it('of many requests at once comes in their order', async () => {
    const http = clientWith();
    const answers = await http.batch(Array.from({ length: 30 }, (_, n) => `${target.url}/bytes?n=${n + 1}`));
    expect(answers.map((each) => String(each.body).length)).toEqual(Array.from({ length: 30 }, (_, n) => n + 1));
  });

  it('is counted to the byte', async () => {
    const http = clientWith();
    await http.get(`${target.url}/`);
    const socket = connect(target.port, '127.0.0.1');
    const raw = await new Promise<number>((resolve) => {
      let bytes = 0;
      socket.on('data', (chunk) => {
        bytes += chunk.length;
      });
      socket.on('close', () => resolve(bytes));
      socket.write('GET / HTTP/1.1\r\nConnection: close\r\n\r\n');
    });
    expect(recorded[0]?.exchange.bytesReceived).toBe(raw);
  });
});

describe('the parser', () => {
  const ANSWERS = [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n\r\nhello',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1a;x=y\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nTrailer: 1\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nX: y\r\n\r\n',
    'HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n',
  ];
  const read = (pieces: readonly string[]) => {
    const parser = new ResponseParser();
    parser.begin(false, true);
    let left = '';
    for (const piece of pieces) {
      if (parser.done) left += piece;
      else {
        // As the socket does: the piece lies in a buffer that is used again.
        const shared = Buffer.from(piece, 'latin1');
        left += piece.slice(parser.push(shared));
        shared.fill(0x21);
      }
    }
    return {
      status: parser.status,
      head: parser.head,
      body: parser.body().toString('latin1'),
      done: parser.done,
      failure: parser.failure,
      keepAlive: parser.keepAlive,
      left,
    };
  };

  it('reads the same whatever the pieces', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ANSWERS),
        fc.array(fc.nat(200), { maxLength: 12 }),
        fc.constantFrom('', 'MORE'),
        (answer, cuts, garbage) => {
          const text = answer + garbage;
          const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
          const pieces = [...places, text.length]
            .map((end, index) => text.slice(index === 0 ? 0 : (places[index - 1] as number), end))
            .filter((piece) => piece !== '');
          expect(read(pieces)).toEqual({ ...read([answer]), left: garbage });
          expect(read(pieces).done).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('reads the same cut at every single byte', () => {
    for (const answer of ANSWERS) {
      expect(read([...answer])).toEqual(read([answer]));
      for (let at = 1; at < answer.length; at += 1)
        expect(read([answer.slice(0, at), answer.slice(at)])).toEqual(read([answer]));
    }
  });

  it('takes any bytes without a crash or an end that is none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...ANSWERS), fc.nat(), (bytes, answer, at) => {
        const damaged = Buffer.from(answer, 'latin1');
        damaged.set(bytes.subarray(0, Math.max(0, damaged.length - (at % damaged.length))), at % damaged.length);
        for (const input of [Buffer.from(bytes), damaged]) {
          const parser = new ResponseParser();
          parser.begin(false, true);
          parser.push(input);
          parser.finish();
          expect(parser.done || parser.failure !== null).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
