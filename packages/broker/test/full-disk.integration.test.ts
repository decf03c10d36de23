import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PingResult, Snapshot } from '@muster/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Broker, startBroker } from '../src/start-broker.js';
import { RawAgent, RawClient, until } from './peers.js';

let folder: string;
let broker: Broker;
let client: RawClient;
let agent: RawAgent;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-full-'));
  broker = await startBroker({ data: folder, frontend: 'tcp://127.0.0.1:*', logLevel: 'silent' });
  client = new RawClient(broker.endpoints.frontend);
  agent = new RawAgent(broker, 'node', '0a'.repeat(16));
  await agent.hello(null);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await client.close();
  await agent.close();
  await broker.close();
  await rm(folder, { recursive: true, force: true });
});

/** From here on no file of this thread becomes durable: the journal's, not those of the store's thread. */
const fillDisk = async (): Promise<void> => {
  const any = await open(join(folder, 'any'), 'w');
  vi.spyOn(Object.getPrototypeOf(any) as typeof any, 'datasync').mockImplementation(() =>
    Promise.reject(Object.assign(new Error('ENOSPC: no space left on device, fdatasync'), { code: 'ENOSPC' })),
  );
  await any.close();
};

describe('a broker whose disk is full', () => {
  it('says so to who follows a run or begins one, keeps what was asked of it, and goes on when there is room', async () => {
    const bundle = await client.upload(Buffer.from('export default async () => {};'));
    const { run } = (await client.ask({ type: 'submit', bundle, name: 'a.ts' })) as { run: string };
    const standing = async () => Snapshot.parse(await client.ask({ type: 'attach', run }));
    expect((await standing()).run.id).toBe(run);

    await fillDisk();
    let isAnswered = false;
    const stopped = client.ask({ type: 'stop', run, reason: 'enough', force: true }).then(() => {
      isAnswered = true;
    });
    let said: unknown = null;
    // One that was asked before the second try in vain is answered when there is room.
    await until('an answer', () => {
      void standing().catch((thrown: unknown) => {
        said = thrown;
      });
      return said !== null;
    });
    expect(said).toMatchObject({ code: 'DISK_FULL', message: expect.stringContaining('no space left on device') });
    expect(PingResult.parse(await client.ask({ type: 'ping' })).pid).toBe(process.pid);
    expect(isAnswered).toBe(false);
    await expect(client.ask({ type: 'submit', bundle, name: 'b.ts' })).rejects.toMatchObject({ code: 'DISK_FULL' });

    vi.restoreAllMocks();
    await stopped;
    expect((await standing()).run.id).toBe(run);
    // It is looked at again: the one agent that there is has not left the run before yet.
    const asked = client.ask({ type: 'submit', bundle, name: 'b.ts' });
    await expect(asked).rejects.toMatchObject({ code: 'NOT_ENOUGH_AGENTS' });
  });
});
