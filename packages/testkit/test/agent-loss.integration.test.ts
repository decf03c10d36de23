import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cluster, startCluster } from '@muster/cluster';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runText, sampleColumns, startTargetProcess, type TargetProcess } from './support.js';

const RATE = 300;
const SECONDS = 10;
const SLOTS = RATE * SECONDS;

let target: TargetProcess;
let cluster: Cluster;
let data: string;
beforeEach(async () => {
  target = await startTargetProcess();
  data = await mkdtemp(join(tmpdir(), 'muster-loss-'));
  cluster = await startCluster({ agents: 3, data });
});
afterEach(async (context) => {
  if (context.task.result?.state === 'fail') console.error(cluster.logs());
  await cluster.stop();
  await target.close();
  await rm(data, { recursive: true, force: true });
});

const text = () => `
  import { http } from '@muster/script';
  export const options = { scenarios: { it: { executor: 'constant-arrival-rate', rate: ${RATE}, duration: '${SECONDS}s', preAllocatedVUs: 30, maxVUs: 300 } } };
  export default async () => { await http.get('${target.url}/'); };
`;
/** Waits until the target has been asked so often: then the run is in its middle. */
const middle = async (): Promise<void> => {
  while ((await target.stats()).received < SLOTS / 4) await new Promise((resolve) => setTimeout(resolve, 50));
};

const settle = async (during: () => Promise<void>) => {
  const summary = await runText(cluster.endpoint, text(), {
    agents: 3,
    raw: 'all',
    minCoverage: 0,
    settleMs: 4_000,
    during: async () => {
      await middle();
      await during();
    },
  });
  const stats = await target.stats();
  await cluster.stop();
  const rows = await sampleColumns(join(data, 'broker', 'runs', `${summary.run.id}.duckdb`), ['intended_us']);
  const slots = summary.coverage.slots?.it;
  const dropped = Object.values(slots?.dropped ?? {}).reduce((sum, each) => sum + each, 0);
  console.log(
    `planned ${slots?.planned} = started ${slots?.started} + dropped ${JSON.stringify(slots?.dropped)} + unknown ${slots?.unknown}; target received ${stats.received}`,
  );

  expect(slots?.planned).toBe(SLOTS);
  expect((slots?.started ?? 0) + dropped + (slots?.unknown ?? 0)).toBe(SLOTS);
  expect(rows.intended_us?.length).toBe(new Set(rows.intended_us).size);
  expect(stats.received).toBeLessThanOrEqual(SLOTS);
  expect(summary.coverage.answered).toBeLessThanOrEqual(stats.served);
  expect(summary.run.state).toBe('finished');
  return summary;
};

describe('an agent in the middle of a run', () => {
  it('that is killed leaves its slots to the others, and a gap that is named', async () => {
    const summary = await settle(() => cluster.killAgent(1));
    expect(summary.run.agents.map((agent) => agent.state).sort()).toEqual(['ended', 'ended', 'lost']);
    expect(summary.run.events.some((event) => event.kind === 'lost' && event.agent?.startsWith('agent-1.'))).toBe(true);
    expect(summary.coverage.complete).toBe(false);
    expect(summary.coverage.gaps).toMatchObject([{ worker: 0 }]);
    expect(summary.coverage.gaps[0]?.agent).toMatch(/^agent-1\./);
    expect(summary.coverage.gaps[0]?.unknownSlots).toBe(summary.coverage.slots?.it?.unknown);
  }, 120_000);

  it('that is stopped and continued starts nothing that is not its own any more', async () => {
    const summary = await settle(async () => {
      cluster.pauseAgent(1);
      const { received } = await target.stats();
      // The others go on alone for a while.
      while ((await target.stats()).received < received + SLOTS / 4)
        await new Promise((resolve) => setTimeout(resolve, 50));
      cluster.resumeAgent(1);
    });
    expect(summary.run.events.filter((event) => event.kind === 'lost')).toHaveLength(1);
  }, 120_000);
});
