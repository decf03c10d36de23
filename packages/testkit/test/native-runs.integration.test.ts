import { connectOriginal } from '@muster/client';
import { type Cluster, startCluster } from '@muster/cluster';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { Plain } from './conformance/support/client.js';
import { until } from './conformance/support/wait.js';
import { Watcher } from './conformance/support/watcher.js';
import { count, runText, startTargetProcess, type TargetProcess } from './support.js';

let target: TargetProcess;
let cluster: Cluster;
beforeAll(async () => {
  target = await startTargetProcess();
  cluster = await startCluster({ agents: 2 });
}, 60_000);
afterAll(async () => {
  await cluster?.stop();
  await target?.close();
});
afterEach((context) => {
  if (context.task.result?.state === 'fail') console.error(cluster.logs());
});

interface Batch {
  readonly agent_id: string;
  readonly counts: Readonly<Record<string, readonly Plain[]>>;
  readonly muster_skipped?: Readonly<Record<string, number>>;
}

it('a watcher of the original sees a test run in batches that add up to what the broker and the target counted', async () => {
  await using client = await connectOriginal(cluster.endpoint);
  const { endpoints } = await client.ping();
  const watcher = new Watcher(endpoints.publisher ?? '');
  const text = `
    import { http, Counter } from '@muster/script';
    const sold = new Counter('sold');
    export const options = {
      scenarios: { buy: { executor: 'shared-iterations', vus: 20, iterations: 6_001, gracefulStop: '30s', maxDuration: '120s' } },
    };
    export default async function () {
      await http.get('${target.url}/');
      await http.get('${target.url}/delay?ms=1');
      sold.add(2);
      if (__ITER === 3) throw new Error('no stock');
    }`;
  let id = '';
  const summary = await runText(cluster.endpoint, text, {
    agents: 2,
    name: 'shop.ts',
    during: async (_, run) => {
      id = run;
      await until('the run in its metadata', async () => (await client.getMetadata(run)).active === true);
    },
  });
  await watcher.hearsEnd(id);
  const batches = watcher.heard
    .map((each) => JSON.parse(each) as Batch & Plain)
    .filter(({ data_type, run_id }) => data_type === 'batch' && run_id === id);
  watcher.close();
  const total: Record<string, number> = {};
  for (const { counts, muster_skipped: skipped = {} } of batches) {
    const rows = Object.values(counts).reduce((sum, list) => sum + list.length, 0);
    expect(rows).toBeLessThanOrEqual(1_000);
    for (const [kind, list] of Object.entries(counts))
      for (const { size } of list) total[kind] = (total[kind] ?? 0) + (typeof size === 'number' ? size : 1);
    for (const [kind, left] of Object.entries(skipped)) total[kind] = (total[kind] ?? 0) + left;
  }
  const failed = count(summary, 'iterations_failed');
  const stats = await target.stats();
  expect(total).toEqual(await client.getCounts(id));
  expect(total).toEqual({
    startTestRun: 2,
    startTest: 6_001,
    stopTest: 6_001,
    addSuccess: 6_001 - failed,
    addError: failed,
    add_hit: stats.served,
    sold: 12_002,
    stopTestRun: 2,
  });
  expect(failed).toBeGreaterThan(0);
  expect(stats.served).toBe(12_002);
  expect(new Set(batches.map(({ agent_id: agent }) => agent)).size).toBe(2);
  expect(batches.some(({ counts }) => (counts.add_hit ?? []).length > 0)).toBe(true);

  const urls = await client.getUrls(id);
  expect(urls).toEqual({ [`${target.url}/`]: 6_001, [`${target.url}/delay?ms=1`]: 6_001 });
  expect(await client.getMetadata(id)).toMatchObject({
    fqn: 'shop.ts',
    agents: 2,
    users: [20],
    hits: [301],
    active: false,
    stopped: true,
    has_data: 1,
  });
  let hits = 0;
  for await (const row of client.getData(id, { type: 'add_hit' })) {
    expect(row).toMatchObject({ data_type: 'add_hit', run_id: id, method: 'GET', status: 200 });
    hits += 1;
  }
  expect(hits).toBe(summary.coverage.rows.stored);
  const errors: Plain[] = [];
  for await (const row of client.getErrors(id)) errors.push(row);
  expect(errors.reduce((sum, row) => sum + Number(row.count), 0)).toBe(failed);
  expect(errors[0]).toMatchObject({ data_type: 'addError', test: 'buy (shop.ts)' });
  expect(await client.getRuns()).toContain(id);
}, 180_000);
