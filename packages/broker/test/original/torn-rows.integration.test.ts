import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Endpoints } from '@muster/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as zmq from 'zeromq';
import { type BrokerProcess, spawnBroker } from '../broker-process.js';
import { type Body, OriginalClient } from './original-peers.js';

/** What stands between two records in the original's files, and in the middle of these rows. */
const SEPARATOR = '\u0078\u008c';
const RUN = 'torn';

let folder: string;
const brokers: BrokerProcess[] = [];
const closing: { close(): void }[] = [];
const kept = <T extends { close(): void }>(one: T): T => {
  closing.push(one);
  return one;
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-torn-'));
});
afterEach(async () => {
  for (const each of closing.splice(0)) each.close();
  for (const broker of brokers.splice(0)) await broker.kill();
  await rm(folder, { recursive: true, force: true });
});

const serve = async () => {
  const broker = spawnBroker(['--data', folder, '--frontend', 'tcp://127.0.0.1:*']);
  brokers.push(broker);
  return { broker, client: kept(new OriginalClient(await broker.ready())) };
};
const countOf = async (client: OriginalClient): Promise<number> =>
  Number(((await client.result('CTRL_GET_COUNTS', { run_id: RUN })) as Body).mine ?? 0);
const textOf = (n: number): string => `${n} ${SEPARATOR.repeat(n % 7)} ${n}`;

/** More than are taken before the kill, and few enough to be read again one by one. */
const MAX_ROWS = 50_000;

/** Rows, each with its number, until it is told to stop or there are enough; the answer is how many went out. */
const pushing = (receiver: string) => {
  const socket = new zmq.Push({ linger: 0, sendTimeout: 1_000 });
  socket.connect(receiver);
  let [sent, isOver] = [0, false];
  const work = async (): Promise<number> => {
    while (!isOver && sent < MAX_ROWS) {
      const row = { data_type: 'mine', agent_id: 'a', run_id: RUN, n: sent, text: textOf(sent) };
      await socket.send(JSON.stringify(row)).then(
        () => {
          sent += 1;
        },
        // Nobody takes it any more.
        () => undefined,
      );
    }
    return sent;
  };
  const done = work();
  const stop = async (): Promise<number> => {
    isOver = true;
    const all = await done;
    // Not before: what is still on its way into a closed socket is an error that nobody expects.
    socket.close();
    return all;
  };
  // Also for a test that fails before it stops it.
  kept({ close: () => void stop() });
  return { stop };
};

/** Every row is whole and there once, and they are as many as are counted. */
const expectWhole = async (client: OriginalClient): Promise<number> => {
  const counted = await countOf(client);
  const seen = new Set<number>();
  for (let start = 0; start < counted; start += 5_000) {
    const page = (await client.result('CTRL_GET_DATA', { run_id: RUN, start, size: 5_000 })) as Body[];
    for (const { n, text } of page) {
      expect(text).toBe(textOf(Number(n)));
      seen.add(Number(n));
    }
  }
  expect(seen.size).toBe(counted);
  return counted;
};

describe('rows of a broker that is killed while they come in', () => {
  it.each([
    ['as the kill left its files', 0],
    ['with the tail of its log cut off as a cut of power does', 7],
  ])('can be read again, %s, and are as many as are counted', async (_, cut) => {
    const first = await serve();
    const { endpoints } = (await first.client.result('PING')) as { endpoints: Endpoints };
    const pushed = pushing(endpoints.receiver);
    while ((await countOf(first.client)) < 3_000);
    await first.broker.kill();
    const sent = await pushed.stop();
    for (const name of await readdir(folder, { recursive: true })) {
      const path = join(folder, name);
      const { size } = await stat(path);
      if (cut > 0 && /torn.*\.wal$/.test(name)) await truncate(path, Math.max(0, size - cut));
    }

    const { client } = await serve();
    const counted = await expectWhole(client);
    console.log(`${sent} rows were pushed, ${counted} are kept`);
    expect(counted).toBeLessThanOrEqual(sent);
    // It goes on from there.
    const worker = kept(new zmq.Push({ linger: 0 }));
    worker.connect(endpoints.receiver);
    for (let n = sent; n < sent + 10; n += 1)
      await worker.send(JSON.stringify({ data_type: 'mine', agent_id: 'a', run_id: RUN, n, text: textOf(n) }));
    while ((await countOf(client)) < counted + 10);
    expect(await expectWhole(client)).toBe(counted + 10);
  });
});
