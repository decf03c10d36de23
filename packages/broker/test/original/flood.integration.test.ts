import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Endpoints } from '@muster/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BrokerProcess, spawnBroker } from '../broker-process.js';
import { type Body, OriginalClient } from './original-peers.js';

const SENDERS = fileURLToPath(new URL('./row-senders.mjs', import.meta.url));
const [PROCESSES, WORKERS, RATE, SECONDS] = [5, 50, 1_000, 30];
const ROWS = WORKERS * RATE * SECONDS;

let folder: string;
const children: ChildProcess[] = [];
const clients: OriginalClient[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-flood-'));
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

const serve = async (): Promise<{ readonly broker: BrokerProcess; readonly client: OriginalClient }> => {
  const broker = spawnBroker(['--data', folder, '--frontend', 'tcp://127.0.0.1:*']);
  children.push(broker.child);
  const client = new OriginalClient(await broker.ready());
  clients.push(client);
  return { broker, client };
};

/** Resolves with how many rows its workers sent. */
const send = (receiver: string, first: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const argv = [SENDERS, receiver, 'flood', WORKERS / PROCESSES, first, RATE, SECONDS].map(String);
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
    });
    child.once('close', (code) => (code === 0 ? resolve(Number(text)) : reject(new Error(`a sender ended: ${code}`))));
  });

describe('fifty workers of the original with a thousand rows a second each', () => {
  it('are counted to the last row, and so after the broker was killed', { timeout: 300_000 }, async () => {
    const first = await serve();
    const { endpoints } = (await first.client.result('PING')) as { endpoints: Endpoints };
    const per = WORKERS / PROCESSES;
    const sent = await Promise.all(Array.from({ length: PROCESSES }, (_, n) => send(endpoints.receiver, n * per)));
    expect(sent.reduce((sum, each) => sum + each, 0)).toBe(ROWS);
    const counted = async (client: OriginalClient) =>
      ((await client.result('CTRL_GET_COUNTS', { run_id: 'flood' })) as Body).add_hit ?? 0;
    let before = await counted(first.client);
    while (before !== ROWS) {
      const now = await counted(first.client);
      expect(Number(now)).toBeLessThanOrEqual(ROWS);
      if (now === before) await new Promise((resolve) => setTimeout(resolve, 50));
      before = now;
    }
    await first.broker.kill();

    const { client } = await serve();
    expect(await client.result('CTRL_GET_COUNTS', { run_id: 'flood' })).toEqual({ add_hit: ROWS });
    const urls = (await client.result('CTRL_GET_URLS', { run_id: 'flood' })) as Record<string, number>;
    expect(Object.keys(urls)).toHaveLength(WORKERS * 5);
    expect(new Set(Object.values(urls))).toEqual(new Set([(RATE * SECONDS) / 5]));
    const page = { run_id: 'flood', data_type: 'add_hit', start: ROWS - 5, size: 10 };
    expect(await client.result('CTRL_GET_DATA', page)).toHaveLength(5);
    expect(await client.ask('CTRL_GET_DATA', { run_id: 'flood' })).toEqual({
      error: [expect.stringContaining('start and size')],
    });
  });
});
