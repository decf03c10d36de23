import { SeriesSet, type SeriesSnapshot } from '@muster/metrics';
import { resolveOptions } from '@muster/plan';
import type { ErrorGroup } from '@muster/protocol';
import { describe, expect, it } from 'vitest';
import { headerOf } from '../../test/batches.js';
import { ErrorLedger } from './error-ledger.js';
import { HeldBatches } from './held-batches.js';
import { progressOf } from './progress.js';
import type { RunFacts } from './run-facts.js';
import { RunResults } from './run-results.js';
import { judge, summarizeRun } from './summarize-run.js';

const windowOf = (second: number, fill: (set: SeriesSet) => void, errors: ErrorGroup[] = []) => {
  const set = new SeriesSet();
  fill(set);
  const series: readonly SeriesSnapshot[] = set.snapshotAndReset();
  return { second, sealedToMs: (second + 1) * 1_000, series, errors, rows: { measured: 0, kept: 0 }, logs: [] };
};
const error = (over: Partial<ErrorGroup> = {}): ErrorGroup => ({
  code: 'ECONNRESET',
  message: 'reset',
  where: 'shop.ts:14:9',
  scenario: 'default',
  count: 2,
  firstAtMs: 500,
  lastAtMs: 900,
  ...over,
});
const optionsOf = (exported: unknown) => {
  const resolved = resolveOptions(exported);
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.faults));
  return resolved.options;
};

describe('the errors of a run', () => {
  it('are put together over agents by code, message and line, the most frequent first', () => {
    const ledger = new ErrorLedger();
    ledger.add('b', error({ firstAtMs: 700, lastAtMs: 1_900 }));
    ledger.add('a', error());
    ledger.add('a', error({ where: null, count: 9 }));
    expect(ledger.list()).toEqual([
      { code: 'ECONNRESET', message: 'reset', where: null, count: 9, firstAtMs: 500, lastAtMs: 900, agents: ['a'] },
      {
        code: 'ECONNRESET',
        message: 'reset',
        where: 'shop.ts:14:9',
        count: 4,
        firstAtMs: 500,
        lastAtMs: 1_900,
        agents: ['a', 'b'],
      },
    ]);
  });

  it('are bounded in kinds, and no count is lost', () => {
    const ledger = new ErrorLedger();
    for (let n = 0; n < 1_500; n += 1) ledger.add('a', error({ message: `kind ${n}`, count: 1 }));
    const list = ledger.list();
    expect(list.length).toBe(1_001);
    expect(list[0]).toMatchObject({ code: 'OTHER', count: 500 });
  });
});

describe('the results of a run', () => {
  const facts: RunFacts = {
    options: optionsOf({ vus: 2, duration: '2s', thresholds: { 'http_req_duration{name:cart}': ['p(95)<1'] } }),
    plans: [{ generation: 1, fromMs: 0, members: ['a', 'b'] }],
    members: [],
    endedAtMs: 2_300,
  };
  const filled = (): RunResults => {
    const results = new RunResults(1_000);
    for (const agent of ['a', 'b']) {
      for (const second of [0, 1]) {
        const window = windowOf(second, (set) => {
          set.counter('http_reqs', { scenario: 'default' }).add(10);
          set.rate('checks', { check: 'ok', group: '::cart', scenario: 'default' }).add(agent === 'a');
          set.trend('http_req_duration', { name: 'cart' }).addUs(2_000);
          set.gauge('vus', {}).add(1, second * 1_000);
        });
        results.window(agent, 0, window);
      }
    }
    return results;
  };

  it('add up over agents: counters, checks, users', () => {
    const { metrics, submetrics, checks } = summarizeRun(filled(), facts, []);
    expect(metrics.http_reqs?.values).toEqual({ count: 40, rate: 20 });
    expect(metrics.vus?.values).toEqual({ value: 2, min: 2, max: 2 });
    expect(checks).toEqual([{ name: 'ok', group: '::cart', passes: 2, fails: 2 }]);
    expect(submetrics['http_req_duration{name:cart}']).toMatchObject({
      metric: 'http_req_duration',
      tags: { name: 'cart' },
      values: { count: 4, max: 2 },
    });
  });

  it('are judged by thresholds on a part of a metric', () => {
    expect(judge(filled(), facts)).toMatchObject([{ ok: false, value: 2 }]);
  });

  it('show the last whole second beside the totals', () => {
    const progress = progressOf(filled(), facts.options as NonNullable<RunFacts['options']>, 2, 1_900);
    expect(progress.requests).toMatchObject({ count: 40, rate: 20 });
    expect(progress.checks).toEqual({ passes: 2, fails: 2 });
    expect(progress.latency.second).toMatchObject({ p99: 2 });
    expect(progress.plannedMs).toBe(2_000);
    expect(progress.scenarios).toMatchObject([{ name: 'default', vus: 2, maxVus: 2, ratio: 0.95 }]);
  });
});

describe('batches ahead of a gap', () => {
  it('are held up to a bound of bytes, and what found no room is told by its absence', () => {
    const held = new HeldBatches(10);
    held.put(headerOf(1), Buffer.alloc(6));
    held.put(headerOf(2), Buffer.alloc(6));
    expect(held.take(headerOf(1).stream, 1)?.payload.byteLength).toBe(6);
    expect(held.take(headerOf(2).stream, 2)).toBeUndefined();
    held.put(headerOf(3), Buffer.alloc(9));
    held.forget(headerOf(3).run);
    held.put(headerOf(4), Buffer.alloc(10));
    expect(held.take(headerOf(4).stream, 4)).toBeDefined();
  });
});
