import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Endpoints } from '@muster/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BrokerProcess, spawnBroker } from '../broker-process.js';
import { until } from '../peers.js';
import { type Body, OriginalAgent, OriginalClient } from './original-peers.js';

let folder: string;
const brokers: BrokerProcess[] = [];
const closing: { close(): void }[] = [];

/** A broker as a process; resolves with its frontend when it is ready. */
const serve = async (): Promise<BrokerProcess & { readonly frontend: string }> => {
  const broker = spawnBroker(['--data', folder, '--frontend', 'tcp://127.0.0.1:*', '--poll-ms', '100']);
  brokers.push(broker);
  return { ...broker, frontend: await broker.ready() };
};
const clientOf = (frontend: string): OriginalClient => {
  const client = new OriginalClient(frontend);
  closing.push(client);
  return client;
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-original-'));
});
afterEach(async () => {
  for (const each of closing.splice(0)) each.close();
  for (const broker of brokers.splice(0)) await broker.kill();
  await rm(folder, { recursive: true, force: true });
});

describe('a broker that was killed', () => {
  it('goes on with a run of the original: its agents are still busy, their answers arrive, its end is noted', async () => {
    const first = await serve();
    const before = clientOf(first.frontend);
    const { endpoints } = (await before.result('PING')) as { endpoints: Endpoints };
    const agent = new OriginalAgent({ endpoints }, 1);
    closing.push(agent);
    await agent.register();
    let listed: Body = {};
    while (!('vm-1' in listed)) listed = (await before.result('LIST')) as Body;
    const { run_id } = (await before.result('CTRL_RUN', { agents: 1, args: { hits: '7' } })) as { run_id: string };
    await agent.hears('RUN');
    await first.kill();

    const second = await serve();
    expect(second.frontend).toBe(first.frontend);
    const client = clientOf(second.frontend);
    expect(await client.result('CTRL_LIST_RUNS')).toEqual({ [run_id]: [['vm-1', expect.any(Number)]] });
    expect(await client.ask('CTRL_RUN', { agents: 1, args: {} })).toEqual({ error: 'Not enough agents' });
    const polls = agent.of('_STATUS').length;
    await until('polls of the second broker', () => agent.of('_STATUS').length > polls + 2);
    expect(Object.keys((await client.result('CTRL_LIST_RUNS')) as Body)).toEqual([run_id]);
    expect(await client.result('CTRL_STOP_RUN', { run_id })).toEqual(['vm-1']);
    await agent.hears('STOP');
    let metadata: Body = {};
    while (metadata.active !== false) metadata = (await client.result('CTRL_GET_METADATA', { run_id })) as Body;
    expect(metadata).toMatchObject({
      hits: '7',
      stopped: true,
      started: expect.any(Number),
      ended: expect.any(Number),
    });
    expect(agent.of('RUN')).toHaveLength(1);
  });
});
