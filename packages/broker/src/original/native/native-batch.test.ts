import { SeriesSet } from '@muster/metrics';
import { resolveOptions } from '@muster/plan';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunRecord } from '../../controller/run-record.js';
import { BATCH_ROWS, nativeBatch } from './native-batch.js';
import { NativeLook } from './native-look.js';
import { NativeTally } from './native-tally.js';
import { shareRows } from './share-rows.js';

const look = (): NativeLook => {
  const resolved = resolveOptions({ scenarios: { buy: { executor: 'per-vu-iterations', vus: 3, iterations: 4 } } });
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.faults));
  const startedAt = '2026-01-02T03:04:05.000Z';
  return new NativeLook({ name: 'shop.ts', options: resolved.options, startedAt, submittedAt: startedAt } as RunRecord);
};
const tallyOf = (counters: Readonly<Record<string, number>>): NativeTally => {
  const set = new SeriesSet();
  for (const [name, sum] of Object.entries(counters)) set.counter(name, { scenario: 'buy' }).add(sum);
  const tally = new NativeTally();
  tally.addAll(set);
  return tally;
};
const nothing = { began: false, ended: false, hits: [], errors: [], before: new Map() };

describe('a batch of a run of ours', () => {
  it('gives each iteration a place of its own, and a failure its cause', () => {
    const tally = tallyOf({ iterations_started: 5, iterations: 4, iterations_failed: 1, sold: 7, startTest: 1 });
    const error = { code: 'FAIL', message: 'no stock', where: 'shop.ts:3:1', scenario: 'buy' };
    const errors = [{ ...error, count: 1, firstAtMs: 0, lastAtMs: 0 }];
    const before = new Map([['buy', { started: 1, stopped: 1 }]]);
    const batch = nativeBatch({ ...nothing, tally, began: true, ended: true, errors, before }, look());
    const test = 'buy (shop.ts)';
    expect(batch).toEqual({
      counts: {
        startTestRun: [{}],
        startTest: [
          { test, loads_status: [4, 3, 1, 1] },
          { test, loads_status: [4, 3, 1, 2] },
          { test, loads_status: [4, 3, 2, 0] },
          { test, loads_status: [4, 3, 2, 1] },
          { test, loads_status: [4, 3, 2, 2] },
        ],
        stopTest: [
          { test, loads_status: [4, 3, 1, 1] },
          { test, loads_status: [4, 3, 1, 2] },
          { test, loads_status: [4, 3, 2, 0] },
          { test, loads_status: [4, 3, 2, 1] },
        ],
        addError: [{ test, loads_status: [4, 3, 1, 1], exc_info: ['FAIL', 'no stock', '  at shop.ts:3:1'] }],
        addSuccess: [
          { test, loads_status: [4, 3, 1, 2] },
          { test, loads_status: [4, 3, 2, 0] },
          { test, loads_status: [4, 3, 2, 1] },
        ],
        sold: [{ test, loads_status: [4, 3, 0, 0], agent_id: 'None', size: 7 }],
        // A counter of the author's that has the name of a kind.
        startTest_: [{ test, loads_status: [4, 3, 0, 0], agent_id: 'None' }],
        stopTestRun: [{}],
      },
    });
  });

  it('says how a request was, in the words of the original', () => {
    const sample = { name: 'http://x/', method: 'GET', status: 200, started_us: 1_500_250, duration_us: 2_500 };
    expect(look().hit({ ...sample, scenario: 'buy', vu: 2, iteration: 1 })).toEqual({
      url: 'http://x/',
      method: 'GET',
      status: 200,
      started: '2026-01-02T03:04:06.500250',
      elapsed: 0.0025,
      loads_status: [4, 3, 2, 1],
    });
  });

  it('holds no more rows than it may, and counts what it leaves out', () => {
    const count = fc.nat(3_000);
    const news = fc.record({ started: count, stopped: count, failed: count, hits: count, held: count, sold: count });
    fc.assert(
      fc.property(news, ({ started, stopped, failed, hits, held, sold }) => {
        const tally = tallyOf({
          iterations_started: started,
          iterations: stopped + failed,
          iterations_failed: failed,
          http_reqs: hits,
          sold,
        });
        const rows = Array.from({ length: Math.min(held, hits) }, () => ({ url: 'x' }));
        const batch = nativeBatch({ ...nothing, tally, hits: rows }, look());
        const given = Object.entries(batch?.counts ?? {});
        expect(given.reduce((sum, [, list]) => sum + list.length, 0)).toBeLessThanOrEqual(BATCH_ROWS);
        const total: Record<string, number> = { ...batch?.muster_skipped };
        for (const [kind, list] of given)
          for (const { size } of list) total[kind] = (total[kind] ?? 0) + (typeof size === 'number' ? size : 1);
        expect(total).toEqual({ ...tally.counts() });
      }),
    );
  });

  it('gives who wants little all of it, and the others the same', () => {
    expect(shareRows([500, 10, 5_000, 0], 100)).toEqual([45, 10, 45, 0]);
    const wants = fc.array(fc.nat(5_000), { maxLength: 20 });
    fc.assert(
      fc.property(wants, (each) => {
        const given = shareRows(each, 1_000);
        const sum = given.reduce((all, n) => all + n, 0);
        const wanted = each.reduce((all, n) => all + n, 0);
        expect(given.every((n, at) => n <= (each[at] ?? 0))).toBe(true);
        expect(sum).toBe(Math.min(wanted, 1_000));
      }),
    );
  });
});
