import { type Cluster, startCluster } from '@muster/cluster';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { count, runText, startTargetProcess, type TargetProcess } from './support.js';

let target: TargetProcess;
let cluster: Cluster;

beforeAll(async () => {
  target = await startTargetProcess();
  cluster = await startCluster({ agents: 3 });
}, 60_000);
afterAll(async () => {
  await cluster?.stop();
  await target?.close();
});
afterEach((context) => {
  if (context.task.result?.state === 'fail') console.error(cluster.logs());
});

/** Each over more than one window. */
const SCENARIOS: Readonly<
  Record<string, { readonly options: object; readonly iterations?: number; readonly slots?: number }>
> = {
  'constant-vus': { options: { executor: 'constant-vus', vus: 7, duration: '1200ms' } },
  'ramping-vus': {
    options: {
      executor: 'ramping-vus',
      startVUs: 1,
      stages: [
        { duration: '600ms', target: 8 },
        { duration: '600ms', target: 2 },
      ],
      gracefulRampDown: '5s',
    },
  },
  'per-vu-iterations': { options: { executor: 'per-vu-iterations', vus: 7, iterations: 13 }, iterations: 91 },
  'shared-iterations': { options: { executor: 'shared-iterations', vus: 7, iterations: 1_001 }, iterations: 1_001 },
  'constant-arrival-rate': {
    options: { executor: 'constant-arrival-rate', rate: 200, duration: '1200ms', preAllocatedVUs: 30 },
    slots: 240,
  },
  'ramping-arrival-rate': {
    options: {
      executor: 'ramping-arrival-rate',
      startRate: 0,
      timeUnit: '1s',
      stages: [{ duration: '1200ms', target: 200 }],
      preAllocatedVUs: 30,
    },
    slots: 120,
  },
};

describe.each([1, 2, 3])('over %i agents', (agents) => {
  it.each(Object.keys(SCENARIOS))('%s reports exactly what the target counted', async (name) => {
    const scenario = SCENARIOS[name];
    await target.reset();
    const text = `
      import { http } from '@muster/script';
      export const options = { scenarios: { it: ${JSON.stringify({ ...scenario?.options, gracefulStop: '20s' })} } };
      export default async function () { await http.get('${target.url}/delay?ms=5'); }
    `;
    const summary = await runText(cluster.endpoint, text, { agents });
    const stats = await target.stats();

    expect(summary.run.verdict, summary.run.reason ?? '').toBe('passed');
    expect(summary.run.agents).toHaveLength(agents);
    const requests = count(summary, 'http_reqs');
    expect(requests).toBeGreaterThan(0);
    expect(stats.served).toBe(requests);
    expect(stats.received).toBe(requests);
    expect(count(summary, 'iterations')).toBe(requests);
    expect(summary.coverage).toMatchObject({
      complete: true,
      ratio: 1,
      started: requests,
      sent: requests,
      answered: requests,
      uncertain: 0,
      gaps: [],
    });
    expect(summary.metrics.http_req_duration?.values.count).toBe(requests);
    if (scenario?.iterations !== undefined) expect(requests).toBe(scenario.iterations);
    if (scenario?.slots !== undefined) {
      const slots = summary.coverage.slots?.it;
      const dropped = Object.values(slots?.dropped ?? {}).reduce((sum, each) => sum + each, 0);
      expect(slots?.planned).toBe(scenario.slots);
      expect((slots?.started ?? 0) + dropped).toBe(scenario.slots);
      expect(slots?.started).toBe(requests);
      expect(slots?.unknown).toBe(0);
    }
  });
});

describe('against a target that resets and stalls', () => {
  it('answered ≤ served ≤ sent, and every failure has a code', async () => {
    await target.reset();
    const text = `
      import { http } from '@muster/script';
      export const options = { scenarios: { it: { executor: 'per-vu-iterations', vus: 12, iterations: 8 } } };
      const paths = ['/', '/reset-after-request', '/stall-before-answer', '/reset-mid-body', '/'];
      export default async function () {
        await http.get('${target.url}' + paths[__ITER % paths.length], { timeout: 300 });
      }
    `;
    const summary = await runText(cluster.endpoint, text, { agents: 3 });
    const stats = await target.stats();
    expect(count(summary, 'iterations')).toBe(96);
    expect(summary.coverage.answered).toBeLessThanOrEqual(stats.served);
    expect(stats.served).toBeLessThanOrEqual(summary.coverage.sent);
    expect(summary.coverage.answered).toBeGreaterThan(0);
    expect(summary.coverage.uncertain).toBe(summary.coverage.sent - summary.coverage.answered);
    expect(summary.errors.length).toBeGreaterThanOrEqual(2);
    for (const error of summary.errors) expect(error.code).toMatch(/^[A-Z][A-Z0-9_]+$/);
  });
});
