import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BrokerProcess, spawnBroker } from './broker-process.js';
import { RawClient } from './peers.js';

let folder: string;
const brokers: BrokerProcess[] = [];

const run = (...argv: string[]): BrokerProcess => {
  const broker = spawnBroker(argv);
  brokers.push(broker);
  return broker;
};
const serve = (...argv: string[]): BrokerProcess => run('--data', folder, '--frontend', 'tcp://127.0.0.1:*', ...argv);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-program-'));
});
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.kill();
  await rm(folder, { recursive: true, force: true });
});

describe('muster-broker', () => {
  it('serves until SIGTERM, then ends cleanly and leaves the folder free', async () => {
    const first = serve();
    await first.ready();
    first.child.kill('SIGTERM');
    expect(await first.exit).toBe(0);
    const second = serve();
    await second.ready();
    second.child.kill('SIGINT');
    expect(await second.exit).toBe(0);
  });

  it('refuses a second broker on the same endpoints, and in the same folder, naming the first', async () => {
    const first = serve();
    const frontend = await first.ready();
    const other = run('--data', join(folder, 'other'), '--frontend', frontend);
    expect(await other.exit).toBe(104);
    expect(other.said()).toContain('[BROKER_RUNNING]');
    expect(other.said()).toContain(`process ${first.child.pid}`);
    const same = serve();
    expect(await same.exit).toBe(104);
    expect(same.said()).toContain('[DATA_FOLDER_LOCKED]');
    expect(same.said()).toContain(`process ${first.child.pid}`);
  });

  it('with --check only tells', async () => {
    const first = serve();
    const frontend = await first.ready();
    const yes = run('--check', '--frontend', frontend);
    expect(await yes.exit).toBe(0);
    expect(yes.said()).toContain(`process ${first.child.pid}`);
    first.child.kill('SIGTERM');
    await first.exit;
    const no = run('--check', '--frontend', frontend);
    expect(await no.exit).toBe(122);
    expect(no.said()).toContain('no broker answers');
  });

  it('comes back on the same ports after it was killed', async () => {
    const first = serve();
    const frontend = await first.ready();
    const before = await readFile(join(folder, 'endpoints.json'), 'utf8');
    await first.kill();
    const second = serve();
    expect(await second.ready()).toBe(frontend);
    expect(await readFile(join(folder, 'endpoints.json'), 'utf8')).toBe(before);
    const client = new RawClient(frontend);
    expect(await client.ask({ type: 'ping' })).toMatchObject({ pid: second.child.pid });
    await client.close();
  });

  it('does not start when another process holds one of its ports', async () => {
    const first = serve();
    await first.ready();
    await first.kill();
    const kept = JSON.parse(await readFile(join(folder, 'endpoints.json'), 'utf8')) as { receiver: string };
    const server = createServer();
    const port = Number(kept.receiver.split(':').at(-1));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const second = serve();
    expect(await second.exit).toBe(104);
    expect(second.said()).toContain('[ADDRESS_IN_USE]');
    await new Promise((resolve) => server.close(resolve));
    await serve().ready();
  });

  it('takes over the lock of a process that is no more', async () => {
    await writeFile(join(folder, 'broker.lock'), JSON.stringify({ pid: 2 ** 22 + 1, ticks: '1' }));
    await serve().ready();
    expect(JSON.parse(await readFile(join(folder, 'broker.lock'), 'utf8'))).toHaveProperty('ticks');
  });

  it('refuses other addresses than loopback, and says what to do', async () => {
    const refused = run('--data', folder, '--frontend', 'tcp://0.0.0.0:*');
    expect(await refused.exit).toBe(104);
    expect(refused.said()).toContain('[NOT_LOOPBACK]');
    expect(refused.said()).toContain('--insecure');
  });
});
