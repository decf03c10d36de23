import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeriesSet } from '@muster/metrics';
import type { RunId } from '@muster/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../src/start-broker.js';
import { samplesPayload, windowPayload } from '../batches.js';
import { RawAgent, RawClient, until } from '../peers.js';
import { type Body, OriginalClient, watchPublisher } from './original-peers.js';

let folder: string;
let broker: Broker;
let client: RawClient;
let original: OriginalClient;
const closing: { close(): unknown }[] = [];
const kept = <T extends { close(): unknown }>(one: T): T => {
  closing.push(one);
  return one;
};

const start = () => startBroker({ data: folder, frontend: 'tcp://127.0.0.1:*', logLevel: 'silent' });
const asked = (command: string, run: string, more: object = {}) => original.result(command, { run_id: run, ...more });

interface Batch {
  readonly data_type: string;
  readonly agent_id: string;
  readonly hostname: string;
  readonly run_id: string;
  readonly counts: Readonly<Record<string, readonly Body[]>>;
  readonly muster_skipped?: Readonly<Record<string, number>>;
}
const batchesOf = (heard: readonly string[]): readonly Batch[] =>
  heard.map((text) => JSON.parse(text) as Batch).filter(({ data_type }) => data_type === 'batch');
/** What a watcher adds up, and what it is told that it does not see. */
const totalOf = (batches: readonly Batch[]): Record<string, number> => {
  const total: Record<string, number> = {};
  const add = (kind: string, count: number) => {
    total[kind] = (total[kind] ?? 0) + count;
  };
  for (const { counts, muster_skipped: skipped = {} } of batches) {
    for (const [kind, rows] of Object.entries(counts))
      for (const { size } of rows) add(kind, typeof size === 'number' ? size : 1);
    for (const [kind, count] of Object.entries(skipped)) add(kind, count);
  }
  return total;
};

/** A second with iterations, one of them failed, and a counter of the author's. */
const second = (agent: RawAgent, run: string, at: number, iterations: number): void => {
  const series = new SeriesSet();
  const tags = { scenario: 'default' };
  series.counter('http_reqs', { ...tags, name: 'a', method: 'GET', status: '200' }).add(iterations);
  series.counter('iterations_started', tags).add(iterations);
  series.counter('iterations', tags).add(iterations - 1);
  series.counter('iterations_failed', tags).add(1);
  series.counter('sold', tags).add(3);
  const error = { code: 'FAIL', message: 'no stock', where: 'shop.ts:3:1', scenario: 'default' };
  agent.batch(
    agent.header(run),
    windowPayload(at, iterations, {
      series: series.snapshotAndReset().map((each) => ({ ...each })),
      errors: [{ ...error, count: 1, firstAtMs: at * 1_000, lastAtMs: at * 1_000 }],
    }),
  );
  agent.batch(agent.header(run, { kind: 'samples' }), samplesPayload(iterations));
};

const submit = async (agents: number): Promise<RunId> => {
  const bundle = await client.upload(Buffer.from('export default async () => {};'));
  const { run } = (await client.ask({ type: 'submit', bundle, name: 'shop.ts', agents })) as { run: RunId };
  return run;
};
const agent = async (index: 0 | 1): Promise<RawAgent> => {
  const made = kept(new RawAgent(broker, `node-${index}`, (['0a', '1b'] as const)[index].repeat(16)));
  await made.hello();
  return made;
};
const finished = (run: string) =>
  untilAsked('the end of the run', async () => {
    const shown = (await client.ask({ type: 'show', run })) as { run: { state: string } };
    return shown.run.state === 'finished';
  });
const untilAsked = async (what: string, look: () => Promise<boolean>): Promise<void> => {
  const end = performance.now() + 20_000;
  while (!(await look())) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-native-'));
  broker = await start();
  client = new RawClient(broker.endpoints.frontend);
  original = new OriginalClient(broker.endpoints.frontend);
});
afterEach(async () => {
  original.close();
  await client.close();
  for (const each of closing.splice(0)) await each.close();
  await broker.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a run of ours', () => {
  it('is seen by a watcher of the original in batches that add up to what the broker counts', async () => {
    const watcher = kept(watchPublisher(broker));
    const [one, two] = [await agent(0), await agent(1)];
    const run = await submit(2);
    await Promise.all([one, two].map((each) => each.work(run, { vus: 2, duration: '2s' })));
    for (const at of [0, 1]) {
      second(one, run, at, 3_000);
      second(two, run, at, 5);
    }
    one.finish(run);
    two.finish(run);
    await until('run-finished', () =>
      watcher.heard.some((text) => text === JSON.stringify({ data_type: 'run-finished', run_id: run })),
    );
    expect(watcher.heard.at(-1)).toContain('run-finished');
    const batches = batchesOf(watcher.heard);
    expect(new Set(batches.map(({ agent_id }) => agent_id))).toEqual(new Set([one.id, two.id]));
    for (const batch of batches) {
      expect(batch).toMatchObject({ data_type: 'batch', hostname: 'host', run_id: run });
      const rows = Object.values(batch.counts).reduce((sum, list) => sum + list.length, 0);
      expect(rows).toBeLessThanOrEqual(1_000);
    }
    const counts = {
      startTestRun: 2,
      startTest: 6_010,
      stopTest: 6_006,
      addSuccess: 6_002,
      addError: 4,
      add_hit: 6_010,
      sold: 12,
      stopTestRun: 2,
    };
    expect(totalOf(batches)).toEqual(counts);
    expect(await asked('CTRL_GET_COUNTS', run)).toEqual(counts);
    const small = batches.filter(({ agent_id }) => agent_id === two.id);
    expect(small.every((batch) => batch.muster_skipped === undefined)).toBe(true);
    const [error] = small.flatMap(({ counts: { addError = [] } }) => addError);
    expect(error?.exc_info).toEqual(['FAIL', 'no stock', '  at shop.ts:3:1']);
    const [hit] = small.flatMap(({ counts: { add_hit = [] } }) => add_hit);
    expect(hit).toMatchObject({ url: 'a', method: 'ü', status: -1, elapsed: 0 });
    // Iterations of an agent are told apart: none is counted for another.
    const starts = small.flatMap(({ counts: { startTest = [] } }) => startTest.map((row) => JSON.stringify(row)));
    expect(new Set(starts).size).toBe(10);
  });

  it('is looked up by the commands of the original, also after a restart of the broker', async () => {
    const one = await agent(0);
    const run = await submit(1);
    expect(await asked('CTRL_GET_COUNTS', run)).toEqual({});
    await one.work(run, { vus: 2, duration: '1s', tags: { a: 'b' } });
    expect(await asked('CTRL_GET_METADATA', run)).toMatchObject({ active: true, fqn: 'shop.ts' });
    expect(await asked('CTRL_DELETE_RUN', run).catch((thrown: Error) => thrown.message)).toContain('keeps those');
    second(one, run, 0, 5);
    second(one, run, 1, 7);
    one.finish(run);
    await finished(run);
    const look = async () => ({
      counts: await asked('CTRL_GET_COUNTS', run),
      urls: await asked('CTRL_GET_URLS', run),
      metadata: await asked('CTRL_GET_METADATA', run),
      runs: await original.result('CTRL_GET_RUNS'),
      data: (await asked('CTRL_GET_DATA', run)) as Body[],
      hits: await asked('CTRL_GET_DATA', run, { data_type: 'add_hit', start: 4, size: 3 }),
      all: await asked('CTRL_GET_DATA', run, { start: 11, size: 2 }),
      grouped: await asked('CTRL_GET_DATA', run, { data_type: 'addError', groupby: true }),
      none: await asked('CTRL_GET_DATA', run, { data_type: 'startTest' }),
      errors: (await asked('CTRL_GET_ERRORS', run)) as Body[],
    });
    const found = await look();
    expect(found.counts).toMatchObject({ startTest: 12, add_hit: 12, addError: 2, startTestRun: 1, stopTestRun: 1 });
    expect(found.urls).toEqual({ a: 12 });
    expect(found.metadata).toMatchObject({
      fqn: 'shop.ts',
      run_id: run,
      agents: 1,
      users: [2],
      duration: 1,
      active: false,
      stopped: true,
      started: expect.any(Number),
      ended: expect.any(Number),
      has_data: 1,
      options: { tags: { a: 'b' } },
    });
    expect(found.runs).toEqual([run]);
    expect(found.data.map(({ data_type }) => data_type)).toEqual([
      ...Array(12).fill('add_hit'),
      'addError',
      'addError',
    ]);
    expect(found.hits).toEqual(found.data.slice(4, 7));
    expect(found.all).toEqual(found.data.slice(11, 13));
    expect(found.none).toEqual([]);
    expect(found.errors).toHaveLength(2);
    expect(found.grouped).toMatchObject([{ data_type: 'addError', agent_id: one.id, count: 2 }]);

    await asked('CTRL_UPDATE_METADATA', run, { fields: { remark: 'good', active: true } });
    await broker.close();
    broker = await start();
    original.close();
    original = new OriginalClient(broker.endpoints.frontend);
    const again = await look();
    expect(again.metadata).toEqual({ ...(found.metadata as Body), remark: 'good' });
    expect({ ...again, metadata: found.metadata }).toEqual(found);
    expect((await original.ask('CTRL_DELETE_RUN', { run_id: run })).error).toEqual([expect.stringContaining(run)]);
  });
});
