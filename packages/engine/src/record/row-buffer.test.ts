import { SAMPLE_COLUMNS, SamplesPayload } from '@muster/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAUSES } from '../http/error-codes.js';
import { unsentExchange } from '../http/exchange.js';
import { MAX_ROWS, RowBuffer } from './row-buffer.js';

const ARRAYS = { f64: Float64Array, i32: Int32Array, u32: Uint32Array, u8: Uint8Array, dict: Uint32Array } as const;
const place = { scenario: 's', group: '::g' };

/** A row that ended at an instant of `performance.now()`, in milliseconds. */
const add = (rows: RowBuffer, endedMs: number, expected = true, name = 'n'): void => {
  const exchange = { ...unsentExchange(CAUSES.other, ''), startedMs: endedMs - 1, endedMs, durationUs: 5, status: 200 };
  const origin = { intendedUs: 7, iterationStartedMs: endedMs - 2, id: 3, iteration: 4 };
  rows.add(place, exchange, { name, method: 'GET', tags: undefined }, expected, origin, 0);
};
const column = (samples: SamplesPayload | null, name: string): (number | string)[] => {
  const found = samples?.columns.find((each) => each.name === name);
  if (found === undefined) return [];
  const numbers = [...new ARRAYS[found.type](new Uint8Array(found.data).buffer)];
  return found.type === 'dict' ? numbers.map((each) => found.values[each] as string) : numbers;
};

describe('RowBuffer', () => {
  it('gives columns that the wire takes, instants since the start of the run in microseconds', () => {
    const rows = new RowBuffer(10);
    add(rows, 1_001.5);
    const samples = rows.take(1_000);
    expect(SamplesPayload.parse(samples)).toBeDefined();
    expect(samples?.columns.map(({ name, type }) => ({ name, type }))).toEqual(SAMPLE_COLUMNS);
    expect(column(samples, 'ended_us')).toEqual([1_500]);
    expect(column(samples, 'started_us')).toEqual([500]);
    expect(column(samples, 'intended_us')).toEqual([7]);
    expect(column(samples, 'iteration_started_us')).toEqual([-500]);
    expect(column(samples, 'scenario')).toEqual(['s']);
    expect(column(samples, 'vu')).toEqual([3]);
    expect(rows.take(0)).toBeNull();
  });

  it('keeps all up to its limit, then thins evenly, and keeps every failed row', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.array(fc.boolean(), { maxLength: 3_000 }), (limit, oks) => {
        const rows = new RowBuffer(limit);
        oks.forEach((ok, index) => {
          add(rows, index, ok);
        });
        const good = oks.flatMap((ok, index) => (ok ? [index] : []));
        const bad = oks.flatMap((ok, index) => (ok ? [] : [index]));
        expect(rows.measured).toBe(oks.length);
        const { kept } = rows;
        const ended = column(rows.take(0), 'ended_us').map((us) => Number(us) / 1_000);
        expect(ended).toHaveLength(kept);
        expect(ended.slice(kept - bad.length)).toEqual(bad);
        const keptGood = ended.slice(0, kept - bad.length);
        expect(keptGood.length).toBeLessThanOrEqual(limit);
        if (good.length <= limit) expect(keptGood).toEqual(good);
        else {
          expect(keptGood.length).toBeGreaterThanOrEqual(Math.floor(limit / 2));
          const stride = good.indexOf(keptGood[1] ?? -1) - good.indexOf(keptGood[0] ?? -1);
          if (keptGood.length > 1) expect(keptGood).toEqual(good.filter((_, index) => index % stride === 0));
        }
      }),
    );
  });

  it('starts each second afresh: all rows again', () => {
    const rows = new RowBuffer(4);
    for (let n = 0; n < 100; n += 1) add(rows, n);
    rows.take(0);
    for (let n = 0; n < 4; n += 1) add(rows, n);
    expect(column(rows.take(0), 'ended_us')).toEqual([0, 1_000, 2_000, 3_000]);
  });

  it('names only the texts of its own batch', () => {
    const rows = new RowBuffer(10);
    add(rows, 0, true, 'first');
    rows.take(0);
    add(rows, 0, true, 'second');
    const samples = rows.take(0);
    const names = samples?.columns.find((each) => each.name === 'name');
    expect(names?.type === 'dict' ? names.values : []).toEqual(['second']);
  });

  it('keeps nothing when it may not, and is bounded when it may keep all', () => {
    const none = new RowBuffer(0);
    add(none, 0);
    add(none, 0, false);
    expect(none.kept).toBe(0);
    expect(none.measured).toBe(2);
    const all = new RowBuffer(Number.POSITIVE_INFINITY);
    for (let n = 0; n < MAX_ROWS + 10; n += 1) add(all, n, n % 2 === 0);
    expect(all.kept).toBeLessThanOrEqual(2 * MAX_ROWS);
    expect(all.measured).toBe(MAX_ROWS + 10);
  });
});
