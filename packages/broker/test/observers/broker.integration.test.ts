import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ShowResult, Summary } from '@muster/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../src/start-broker.js';
import { type Body, OriginalAgent, OriginalClient } from '../original/original-peers.js';
import { RawAgent, RawClient, until } from '../peers.js';
import { startIrcServer } from './irc-server.js';
import { makeCertificate } from './tell.js';
import { startWebServer } from './web-server.js';

let folder: string;
let broker: Broker;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-told-'));
  broker = await startBroker({
    data: join(folder, 'data'),
    frontend: 'tcp://127.0.0.1:*',
    logLevel: 'silent',
    pollMs: 100,
    tellBackoffMs: 50,
  });
});
afterEach(async () => {
  await broker.close();
  await rm(folder, { recursive: true, force: true });
});

it('a run of the original says its end in a channel, and its metadata how that went', async () => {
  const irc = await startIrcServer(folder, await makeCertificate(folder));
  const client = new OriginalClient(broker.endpoints.frontend);
  const agent = new OriginalAgent(broker, 1);
  try {
    const reader = await irc.join('#load', 'reader');
    await agent.register();
    let listed: Body = {};
    while (!('vm-1' in listed)) listed = (await client.result('LIST')) as Body;
    const args = {
      observer: ['irc'],
      observer_irc_server: '127.0.0.1',
      observer_irc_port: String(irc.port),
      observer_irc_ssl: 'False',
      observer_irc_channel: '#load',
      observer_irc_nickname: 'loads',
    };
    const wrong = await client.ask('CTRL_RUN', { agents: 1, args: { ...args, observer_irc_port: 'x' } });
    expect(wrong.error).toEqual([expect.stringContaining('irc: port must be')]);
    const { run_id } = (await client.result('CTRL_RUN', { agents: 1, args })) as { run_id: string };
    await agent.hears('RUN');
    await client.result('CTRL_STOP_RUN', { run_id });
    expect(await until('a line', () => reader.heard[0])).toMatch(/^loads: \[loads\] Test Over\. tests: 0, duration: /);
    let metadata: Body = {};
    while (metadata.observers === undefined) metadata = (await client.result('CTRL_GET_METADATA', { run_id })) as Body;
    expect(metadata.observers).toEqual({ irc: { ok: true, text: 'told', at: expect.any(String) } });
    expect(reader.heard).toHaveLength(1);
  } finally {
    agent.close();
    client.close();
    await irc.stop();
  }
});

it('a run of ours is posted with its own options, which stay secret, and shows how that went', async () => {
  const web = await startWebServer([500, 200]);
  const client = new RawClient(broker.endpoints.frontend);
  const agent = new RawAgent(broker, 'node-0', '0a'.repeat(16));
  try {
    await agent.hello();
    const bundle = await client.upload(Buffer.from('export default async () => {};'));
    const submit = { type: 'submit', bundle, name: 'shop.ts', observers: ['webhook'] } as const;
    await expect(client.ask(submit)).rejects.toThrow(/BAD_CONFIG.*webhook: url is missing/);
    const observerOptions = { webhook: { url: web.url } };
    const { run } = (await client.ask({ ...submit, observerOptions })) as { run: string };
    await agent.work(run, { vus: 1, duration: '1s' });
    agent.second(run, 0, 3);
    agent.finish(run);
    const posted = await until('the second try', () => web.posted[1]);
    expect(posted.body).toMatchObject({ event: 'run.finished', run, verdict: 'passed', summary: { run: { id: run } } });
    let shown = '';
    while (!shown.includes('webhook: told')) {
      const { summary } = ShowResult.parse(await client.ask({ type: 'show', run }));
      shown = JSON.stringify(summary === null ? [] : Summary.parse(summary).run.events);
    }
    expect(shown).toContain('webhook: told at try 2');
    expect(shown).not.toContain('hush');
    expect(web.posted).toHaveLength(2);
  } finally {
    await agent.close();
    await client.close();
    await web.close();
  }
});
