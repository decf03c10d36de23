import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort, makeCertificate, tell } from './tell.js';

interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
  readonly user: string | null;
  readonly secure: boolean;
}

let folder: string;
let tls: { readonly cert: string; readonly key: string };
const mails: Mail[] = [];
const open: { close(done?: () => void): unknown }[] = [];

/** A mail server; without a login unless `authOptional` is false. */
const serve = async (options: SMTPServerOptions = {}, port = 0): Promise<number> => {
  const server = new SMTPServer({
    logger: false,
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username, password }, _, done) =>
      username === 'muster' && password === 'right' ? done(null, { user: username }) : done(new Error('bad login')),
    onData: (stream, session, done) => {
      let text = '';
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text,
          user: session.user === undefined ? null : String(session.user),
          secure: session.secure,
        });
        done();
      });
    },
    ...options,
  });
  server.on('error', () => undefined);
  open.push(server);
  await new Promise<void>((listening) => void server.listen(port, '127.0.0.1', () => listening()));
  const address = server.server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};
const refusal = (responseCode: number, message: string) => Object.assign(new Error(message), { responseCode });
const to = (port: number, more: object = {}) => ({
  host: '127.0.0.1',
  port,
  recipient: 'me@example.org',
  sender: 'muster@example.org',
  ...more,
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-mail-'));
  tls = await makeCertificate(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(async () => {
  mails.length = 0;
  await Promise.all(open.splice(0).map((each) => new Promise<void>((done) => void each.close(() => done()))));
});

describe('a mail', () => {
  it('goes to everybody who is named, with the verdict in its subject and its text', async () => {
    const port = await serve();
    const told = await tell('email', to(port, { recipient: 'me@example.org, you@example.org' }));
    expect(told).toMatchObject({ ok: true, text: 'told' });
    expect(mails).toMatchObject([
      { from: 'muster@example.org', to: ['me@example.org', 'you@example.org'], user: null, secure: false },
    ]);
    expect(mails[0]?.text).toMatch(/^Subject: Muster: shop\.ts failed\r$/m);
    expect(mails[0]?.text).toContain('40000 requests in 20.5 s');
    expect(mails[0]?.text).toContain('run-1');
  });

  it('has the subject that was asked for', async () => {
    await tell('email', to(await serve(), { subject: 'Lasttest über Nacht' }));
    expect(mails[0]?.text).toContain('=?UTF-8?');
  });

  it('goes with a login, over TLS in all its forms', async () => {
    const files = { cert: await readFile(tls.cert), key: await readFile(tls.key) };
    const login = { user: 'muster', password: 'right', ca: tls.cert };
    const later = await serve({ ...files, authOptional: false, disabledCommands: [] });
    const atOnce = await serve({ ...files, authOptional: false, secure: true });
    expect(await tell('email', to(later, login))).toMatchObject({ ok: true });
    expect(await tell('email', to(later, { ...login, tls: 'starttls' }))).toMatchObject({ ok: true });
    expect(await tell('email', to(atOnce, { ...login, tls: true }))).toMatchObject({ ok: true });
    expect(mails.map(({ user, secure }) => [user, secure])).toEqual([
      ['muster', true],
      ['muster', true],
      ['muster', true],
    ]);
  });

  it('is not sent to a server whose certificate nobody vouches for', async () => {
    const files = { cert: await readFile(tls.cert), key: await readFile(tls.key) };
    const port = await serve({ ...files, disabledCommands: [] });
    const told = await tell('email', to(port, { tls: 'starttls' }));
    expect(told.ok).toBe(false);
    expect(told.text).toContain('self-signed');
    expect(mails).toEqual([]);
  });

  it('takes no login off this machine over a connection that anybody can read', async () => {
    const port = await serve({ authOptional: false });
    const login = { user: 'muster', password: 'right', host: '127.0.0.2' };
    const server = createServer((socket) => socket.end()).listen(port, '127.0.0.2');
    open.push(server);
    expect((await tell('email', to(port, login))).ok).toBe(false);
    expect(await tell('email', to(port, { ...login, host: '127.0.0.1' }))).toMatchObject({ ok: true });
  });

  it.each([
    ['a login that is wrong', { authOptional: false }, { user: 'muster', password: 'wrong-one' }],
    [
      'a recipient that the server refuses',
      { onRcptTo: (_: unknown, __: unknown, done: (fault: Error) => void) => done(refusal(550, 'no such user')) },
      {},
    ],
  ])('is tried once with %s, and says no secret', async (_, server, options) => {
    const told = await tell('email', to(await serve(server as SMTPServerOptions), options));
    expect(told.ok).toBe(false);
    expect(told.text).toMatch(/^not told: /);
    expect(told.text).toMatch(/535|550/);
    expect(told.text + told.log).not.toContain('wrong-one');
    expect(told.log).not.toContain('is tried again');
    expect(mails).toEqual([]);
  });

  it('is tried again when the server says that it can not now', async () => {
    let times = 0;
    const port = await serve({
      onMailFrom: (_, __, done) => {
        times += 1;
        done(times === 1 ? refusal(451, 'busy') : null);
      },
    });
    expect(await tell('email', to(port))).toMatchObject({ ok: true, text: 'told at try 2' });
    expect(mails).toHaveLength(1);
  });

  it('arrives when the server comes up between two tries', async () => {
    const port = await freePort();
    const told = await tell('email', to(port), {
      times: { tryMs: 5_000, tries: 20, backoffMs: 50 },
      onRetry: () => void serve({}, port),
    });
    expect(told.ok).toBe(true);
    expect(told.text).toMatch(/^told at try \d+$/);
    expect(mails).toHaveLength(1);
  });

  it('is given up at a server that says nothing, and leaves no connection behind', async () => {
    let connections = 0;
    const silent: Server = createServer((socket) => {
      connections += 1;
      socket.on('close', () => {
        connections -= 1;
      });
    });
    open.push(silent);
    await new Promise<void>((listening) => void silent.listen(0, '127.0.0.1', () => listening()));
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const told = await tell('email', to(port), { times: { tryMs: 200, tries: 2, backoffMs: 1 } });
    expect(told.ok).toBe(false);
    expect(told.text).toMatch(/^not told, tried 2 times: (took more than 200 ms|Greeting never received)/);
    const end = performance.now() + 5_000;
    while (connections > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(connections).toBe(0);
  });
});
