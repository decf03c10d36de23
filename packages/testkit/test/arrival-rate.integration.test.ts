import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCluster } from '@muster/cluster';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runText, sampleColumns, startTargetProcess, type TargetProcess } from './support.js';

const RATE = 2_000;
const SECONDS = 20;

let target: TargetProcess;
beforeAll(async () => {
  target = await startTargetProcess();
});
afterAll(() => target.close());

/** The most instants that lie in any window of one second, however it is laid. */
const fullestSecond = (instantsUs: readonly number[]): number => {
  const sorted = [...instantsUs].sort((a, b) => a - b);
  let most = 0;
  for (let from = 0, to = 0; to < sorted.length; to += 1) {
    while ((sorted[to] as number) - (sorted[from] as number) >= 1_000_000) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return most;
};
/** Nearest rank, from all values. */
const rankOf = (values: readonly number[], p: number): number =>
  [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil((p * values.length) / 100) - 1)] as number;

describe('2,000 starts a second over 3 agents for 20 s', () => {
  it('are 40,000 starts, never too many in a second, and their percentiles are those of all rows together', async () => {
    const data = await mkdtemp(join(tmpdir(), 'muster-rate-'));
    const cluster = await startCluster({ agents: 3, data });
    try {
      const summary = await runText(
        cluster.endpoint,
        `import { http } from '@muster/script';
         export const options = { maxLateness: '20s', scenarios: { it: { executor: 'constant-arrival-rate', rate: ${RATE}, duration: '${SECONDS}s', preAllocatedVUs: 60, maxVUs: 6000 } } };
         export default async () => { await http.get('${target.url}/'); };`,
        { agents: 3, raw: 'all' },
      );
      const stats = await target.stats();
      await cluster.stop();
      const rows = await sampleColumns(join(data, 'broker', 'runs', `${summary.run.id}.duckdb`), [
        'intended_us',
        'iteration_started_us',
        'duration_us',
      ]);

      expect(summary.run.verdict, summary.run.reason ?? '').toBe('passed');
      expect(summary.coverage.slots?.it).toEqual({
        planned: RATE * SECONDS,
        started: RATE * SECONDS,
        dropped: {},
        unknown: 0,
      });
      expect(stats.served).toBe(RATE * SECONDS);
      expect(rows.intended_us).toHaveLength(RATE * SECONDS);
      expect(new Set(rows.intended_us).size).toBe(RATE * SECONDS);

      const byIntended = fullestSecond(rows.intended_us as number[]);
      const byActual = fullestSecond(rows.iteration_started_us as number[]);
      const latestUs = (rows.iteration_started_us as number[]).reduce(
        (most, started, index) => Math.max(most, started - (rows.intended_us?.[index] as number)),
        0,
      );
      console.log(
        `fullest second by intended start ${byIntended}, by actual start ${byActual}, largest lateness ${(latestUs / 1_000).toFixed(1)} ms`,
      );
      expect(byIntended).toBeLessThanOrEqual(RATE + 1);
      expect(byActual).toBeLessThanOrEqual(RATE * (1 + latestUs / 1e6) + 1);

      const trend = summary.metrics.http_req_duration?.values ?? {};
      expect(trend.count).toBe(RATE * SECONDS);
      for (const [name, p] of [
        ['med', 50],
        ['p(90)', 90],
        ['p(95)', 95],
        ['p(99)', 99],
      ] as const) {
        const exactMs = rankOf(rows.duration_us as number[], p) / 1_000;
        expect(
          Math.abs((trend[name] as number) - exactMs),
          `${name}: ${trend[name]} beside ${exactMs}`,
        ).toBeLessThanOrEqual(exactMs * 0.01);
      }
    } finally {
      await cluster.stop();
      await rm(data, { recursive: true, force: true });
    }
  }, 180_000);
});
