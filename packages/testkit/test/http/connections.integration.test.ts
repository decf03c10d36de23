import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CAUSES, ConnectionPool, Resolver, WriteTurn } from '@muster/engine/internal';
import { startTarget, type Target, TEST_CERTIFICATES, type TestCertificate } from '@muster/testkit/target';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeClient, TestUser } from './support.js';

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.close());
const opened = async (work: () => Promise<unknown>): Promise<number> => {
  const before = target.counts.connections;
  await work();
  return target.counts.connections - before;
};

/** Requests wait in it for good. */
class EndlessTurn extends WriteTurn {
  override add(): void {
    // Nothing is ever written.
  }
}

describe('a connection', () => {
  it('is kept for the next request of its user, and each user has its own', async () => {
    const [a, b] = [makeClient(), makeClient()];
    const count = await opened(async () => {
      for (let n = 0; n < 5; n += 1) await Promise.all([a.http.get(`${target.url}/`), b.http.get(`${target.url}/`)]);
    });
    expect(count).toBe(2);
  });

  it('is shared by all users of a pool', async () => {
    const pool = new ConnectionPool();
    const users = Array.from({ length: 4 }, () => new TestUser(pool));
    let turn = 0;
    const { http } = makeClient({ user: () => users[turn++ % users.length] as TestUser });
    const count = await opened(async () => {
      for (let n = 0; n < 8; n += 1) await http.get(`${target.url}/`);
    });
    expect(count).toBe(1);
    expect(users.map((user) => user.recorded.length)).toEqual([2, 2, 2, 2]);
  });

  it('is closed when the answer says so, or is of HTTP/1.0, or has no length', async () => {
    for (const path of ['/close', '/http10', '/until-close', '/length-and-chunked', '/garbage-after']) {
      const { http, user } = makeClient();
      await http.get(`${target.url}${path}`);
      await http.get(`${target.url}/`);
      expect(user.last.reused, path).toBe(false);
    }
    const { http, user } = makeClient();
    await http.get(`${target.url}/http10-keep`);
    await http.get(`${target.url}/`);
    expect(user.last.reused).toBe(true);
  });

  it('is closed when the test says so', async () => {
    const { http } = makeClient({ noConnectionReuse: true });
    expect(
      await opened(async () => {
        for (let n = 0; n < 3; n += 1)
          expect((await http.get(`${target.url}/echo`)).json('headers.connection')).toBe('close');
      }),
    ).toBe(3);
    const own = makeClient();
    await own.http.get(`${target.url}/`, { headers: { connection: 'close' } });
    await own.http.get(`${target.url}/`);
    expect(own.user.last.reused).toBe(false);
  });

  it('that the peer has closed meanwhile is dialed anew', async () => {
    const { http, user } = makeClient();
    await http.get(`${target.url}/close-silently`);
    // The end comes right behind the answer: whoever asks after it finds it there.
    await makeClient().http.get(`${target.url}/delay?ms=20`);
    await http.get(`${target.url}/`);
    expect(user.last).toMatchObject({ cause: null, reused: false });
  });

  it('that the peer closes while a request waits for the end of its turn is dialed anew', async () => {
    const { http, user } = makeClient({ shared: { writes: new EndlessTurn() } });
    await http.get(`${target.url}/close-silently`);
    await http.get(`${target.url}/`);
    expect(user.last).toMatchObject({ cause: null, reused: false, status: 200 });
  });

  it('that is cut while a request waits for the end of its turn: nothing was sent', async () => {
    const { http, user } = makeClient({ shared: { writes: new EndlessTurn() } });
    await http.get(`${target.url}/`);
    void http.get(`${target.url}/`);
    user.connections.close();
    expect(user.last).toMatchObject({
      cause: CAUSES.interrupted,
      reused: true,
      sent: false,
      bytesSent: 0,
      durationUs: 0,
    });
    expect(user.last.startedMs).toBe(user.last.endedMs);
  });

  it('is cut when its user is: what is under way is interrupted, and nothing goes on', async () => {
    const { http, user } = makeClient();
    let settled = false;
    const calls = [http.get(`${target.url}/stall-before-answer`), http.get(`${target.url}/redirect?n=5`)];
    for (const call of calls)
      void call.then(() => {
        settled = true;
      });
    const before = target.counts.received;
    while (target.counts.received < before + 1) await new Promise((resolve) => setImmediate(resolve));
    user.cancelled = true;
    user.connections.close();
    expect(user.recorded.filter(({ exchange }) => exchange.cause === CAUSES.interrupted).length).toBeGreaterThan(0);
    expect(user.recorded.at(-1)?.request.method).toBe('');
    const seen = user.recorded.length;
    void http.get(`${target.url}/`).then(() => {
      settled = true;
    });
    await makeClient().http.get(`${target.url}/delay?ms=20`);
    expect(settled).toBe(false);
    expect(user.recorded).toHaveLength(seen);
  });

  it('idle beyond the bound of its pool is closed, the oldest first', async () => {
    await using other = await startTarget();
    const { http, user } = makeClient({ user: new TestUser(new ConnectionPool(2)), batch: 10, batchPerHost: 10 });
    await http.batch(Array.from({ length: 6 }, () => `${target.url}/delay?ms=10`));
    const before = target.counts.connections;
    await http.batch(Array.from({ length: 6 }, () => `${target.url}/delay?ms=10`));
    expect(target.counts.connections - before).toBe(3);
    await http.get(other.url);
    expect(user.last.cause).toBe(null);
  });
});

describe('an address', () => {
  it('may be IPv6', async () => {
    await using six = await startTarget({ host: '::1' });
    const { http } = makeClient();
    expect(await http.get(`${six.url}/`)).toMatchObject({ status: 200, remote_ip: '::1' });
  });

  it('is looked up once, and the next one is tried when nobody is at the first', async () => {
    let asked = 0;
    const resolver = new Resolver(undefined, async () => {
      asked += 1;
      return ['::1', '127.0.0.1'];
    });
    const users = Array.from({ length: 5 }, () => makeClient({ shared: { resolver } }));
    const url = `http://two.muster.test:${target.port}/`;
    const answers = await Promise.all(users.map(({ http }) => http.get(url)));
    expect(answers.map((answer) => answer.remote_ip)).toEqual(users.map(() => '127.0.0.1'));
    expect(asked).toBe(1);
  });

  it('comes from the options where they name one', async () => {
    const { port } = target;
    const hosts = {
      'shop.muster.test': '127.0.0.1',
      'port.muster.test': `127.0.0.1:${port}`,
      '*.below.muster.test': '127.0.0.1',
    };
    const { http } = makeClient({ hosts });
    for (const host of [`shop.muster.test:${port}`, 'port.muster.test', `a.b.below.muster.test:${port}`]) {
      const answer = await http.get(`http://${host}/echo`);
      expect(answer.json('headers.host')).toBe(host);
      expect(answer.remote_port).toBe(port);
    }
  });
});

describe('TLS', () => {
  const serving = (tls: TestCertificate) => startTarget({ tls });

  it('is spoken with the right name, and a session is used again', async () => {
    await using secure = await serving(TEST_CERTIFICATES.good);
    const { http, user } = makeClient({ hosts: { 'shop.muster.test': '127.0.0.1' } });
    expect((await http.get(`${secure.url}/`)).body).toBe('hello, world\n');
    expect(user.last.tlsUs).toBeGreaterThan(0);
    expect((await http.get(`${secure.url}/bytes?n=500000`)).body).toHaveLength(500_000);
    expect(user.last).toMatchObject({ reused: true, tlsUs: 0 });
    const named = `https://shop.muster.test:${secure.port}`;
    expect((await http.get(`${named}/`)).status).toBe(200);
    expect((await http.post(`${named}/mirror`, 'z'.repeat(300_000))).body).toHaveLength(300_000);
    expect((await http.get(`${named}/close`)).status).toBe(200);
    expect(secure.counts).toMatchObject({ connections: 2, resumed: 0 });
    expect((await http.get(`${named}/`)).status).toBe(200);
    expect(secure.counts).toMatchObject({ connections: 3, resumed: 1 });
  });

  it.each<[name: string, certificate: TestCertificate, cause: keyof typeof CAUSES]>([
    ['another host', TEST_CERTIFICATES['wrong-host'], 'tlsWrongHost'],
    ['another time', TEST_CERTIFICATES.expired, 'tlsCertificateInvalid'],
    ['nobody who is trusted', TEST_CERTIFICATES['self-signed'], 'tlsUnknownAuthority'],
  ])('with a certificate of %s is refused, unless nobody looks', async (_, certificate, cause) => {
    await using secure = await serving(certificate);
    const { http, user } = makeClient();
    expect((await http.get(`${secure.url}/`)).error_code).toBe(CAUSES[cause].number);
    expect(user.last).toMatchObject({ sent: false, answered: false });
    const careless = makeClient({ insecureSkipTLSVerify: true });
    expect((await careless.http.get(`${secure.url}/`)).status).toBe(200);
  });

  it('with somebody who speaks none, or hangs up, fails as a handshake', async () => {
    const { http } = makeClient();
    const plain = `https://127.0.0.1:${target.port}/`;
    expect([CAUSES.tls.number, CAUSES.timeout.number]).toContain((await http.get(plain, { timeout: 300 })).error_code);
    await using silent = await startTarget({ accept: 'stall' });
    expect((await http.get(`https://127.0.0.1:${silent.port}/`, { timeout: 150 })).error_code).toBe(
      CAUSES.timeout.number,
    );
    await using cold = await startTarget({ accept: 'reset' });
    expect([CAUSES.reset.number, CAUSES.tls.number, CAUSES.brokenPipe.number]).toContain(
      (await http.get(`https://127.0.0.1:${cold.port}/`)).error_code,
    );
  });

  it('is asked of somebody who is spoken to without it', async () => {
    await using secure = await serving(TEST_CERTIFICATES.good);
    const { http, user } = makeClient();
    const answer = await http.get(`http://127.0.0.1:${secure.port}/`, { timeout: 5_000 });
    expect(answer.status).toBe(0);
    expect([CAUSES.closedUnanswered.number, CAUSES.reset.number, CAUSES.badStatusLine.number]).toContain(
      answer.error_code,
    );
    expect(user.last.answered).toBe(false);
  });

  it('breaks off in the middle like anything else', async () => {
    await using secure = await serving(TEST_CERTIFICATES.good);
    for (const [path, cause] of [
      ['/close-mid-body', CAUSES.truncated],
      ['/close-after-request', CAUSES.closedUnanswered],
      ['/reset-mid-body', CAUSES.reset],
      ['/stall-in-body', CAUSES.timeout],
    ] as const) {
      const { http } = makeClient();
      expect((await http.get(`${secure.url}${path}`, { timeout: 300 })).error_code, path).toBe(cause.number);
    }
  });
});

describe('a time limit', () => {
  it('does not strike an answer that lay there while the test held the loop', async () => {
    const script = `const server = require('node:http').createServer((_, res) => res.end('there'));
      server.listen(0, '127.0.0.1', () => require('node:fs').writeSync(1, server.address().port + '\\n'));`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      const { http } = makeClient();
      const url = `http://127.0.0.1:${Number(line.toString())}/`;
      expect((await http.get(url)).body).toBe('there');
      const call = http.get(url, { timeout: 1_000 });
      const until = performance.now() + 1_500;
      while (performance.now() < until);
      expect((await call).body).toBe('there');
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('is for the whole exchange, and may be given as a duration', async () => {
    const { http, user } = makeClient();
    expect((await http.get(`${target.url}/trickle?n=1000&ms=5`, { timeout: '200ms' })).error_code).toBe(
      CAUSES.timeout.number,
    );
    expect(user.last.receivingUs).toBeGreaterThan(0);
    expect((await http.get(`${target.url}/`, { timeout: 'soon' })).error_code).toBe(CAUSES.invalidRequest.number);
  });
});
