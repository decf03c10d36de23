import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { originalEnd } from '../../src/observers/run-end.js';
import { until } from '../peers.js';
import { type IrcPerson, type IrcServer, startIrcServer } from './irc-server.js';
import { END, freePort, makeCertificate, tell } from './tell.js';

let folder: string;
let certificate: { readonly cert: string; readonly key: string };
let server: IrcServer;
let reader: IrcPerson;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-irc-'));
  certificate = await makeCertificate(folder);
  server = await startIrcServer(folder, certificate);
  reader = await server.join('#load', 'reader');
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const at = (more: object = {}) => ({ server: '127.0.0.1', port: server.port, ssl: 'False', channel: 'load', ...more });
const heard = async (nth: number) => await until('a line', () => reader.heard[nth]);

describe('a line on IRC', () => {
  it('is said in the channel, with and without TLS', async () => {
    const before = reader.heard.length;
    expect(await tell('irc', at())).toMatchObject({ ok: true, text: 'told' });
    expect(await heard(before)).toBe(`muster: [muster] ${END.text}`);
    const secure = at({ port: server.tlsPort, ssl: true, ca: certificate.cert, nickname: 'loads' });
    expect(await tell('irc', secure)).toMatchObject({ ok: true });
    expect(await heard(before + 1)).toBe(`loads: [muster] ${END.text}`);
  });

  it('of a run of the original has its words', async () => {
    const before = reader.heard.length;
    const end = originalEnd('r', { stopTest: 2, add_hit: 10, socket_open: 1 }, { started: 100, ended: 104 }, null);
    await tell('irc', at({ nickname: 'loads' }), { end });
    expect(await heard(before)).toBe(
      'loads: [loads] Test Over. tests: 2, duration: 4.00 s, hits: 10, RPS: 2.50, sockets: 1',
    );
  });

  it('is one line, and no longer than a line may be', async () => {
    const before = reader.heard.length;
    const text = `first\r\nQUIT :${'ä'.repeat(600)}`;
    expect(await tell('irc', at(), { end: { ...END, text } })).toMatchObject({ ok: true });
    const line = await heard(before);
    expect(line).toMatch(/^muster: \[muster\] first QUIT :ä+…$/);
    expect(line).not.toContain('\uFFFD');
    expect(reader.heard).toHaveLength(before + 1);
  });

  it('is said under another name when the nickname is taken', async () => {
    const before = reader.heard.length;
    // A name of its own: who told something before may not have left yet.
    const person = await server.join('#load', 'taken');
    expect(await tell('irc', at({ nickname: 'taken' }))).toMatchObject({ ok: true });
    expect(await heard(before)).toMatch(/^taken_: /);
    person.close();
  });

  it('is refused for good by a channel that takes nobody', async () => {
    const owner = await server.join('#closed', 'owner');
    await owner.say('MODE #closed +i');
    const told = await tell('irc', at({ channel: '#closed' }));
    expect(told.text).toMatch(/^not told: the channel is for invited people only/);
    owner.close();
  });

  it('is refused for good by a server whose password is another', async () => {
    const locked = await startIrcServer(folder, certificate, { password: 'sesame' });
    try {
      const there = { port: locked.port, channel: '#x' };
      expect(await tell('irc', at({ ...there, password: 'sesame' }))).toMatchObject({ ok: true });
      const told = await tell('irc', at({ ...there, password: 'open-up' }));
      expect(told.ok).toBe(false);
      expect(told.text + told.log).not.toContain('open-up');
    } finally {
      await locked.stop();
    }
  });

  it('does not trust a server that nobody vouches for', async () => {
    const told = await tell('irc', at({ port: server.tlsPort, ssl: true }));
    expect(told).toMatchObject({ ok: false, text: expect.stringContaining('self-signed') });
  });

  it('is said when the server comes up between two tries', async () => {
    const port = await freePort();
    const started: Promise<IrcServer>[] = [];
    const told = await tell('irc', at({ port }), {
      times: { tryMs: 5_000, tries: 40, backoffMs: 50 },
      onRetry: () => void started.push(startIrcServer(folder, certificate, { port })),
    });
    expect(told.text).toMatch(/^told at try \d+$/);
    await (await started[0])?.stop();
  });

  it('is given up at a server that says nothing, or speaks something else', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined));
    const other = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('x'.repeat(20_000));
    });
    try {
      const times = { tryMs: 200, tries: 2, backoffMs: 1 };
      for (const [each, why] of [
        [silent, 'took more than 200 ms'],
        [other, 'does not speak IRC'],
      ] as const) {
        await new Promise<void>((listening) => void each.listen(0, '127.0.0.1', () => listening()));
        const address = each.address();
        const port = typeof address === 'object' && address !== null ? address.port : 0;
        expect(await tell('irc', at({ port }), { times })).toMatchObject({
          ok: false,
          text: expect.stringMatching(new RegExp(`^not told, tried 2 times: .*${why}`)),
        });
      }
    } finally {
      silent.close();
      other.close();
    }
  });
});
