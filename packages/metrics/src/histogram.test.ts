import { Histogram } from '@muster/metrics';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const of = (values: readonly number[]): Histogram => {
  const made = new Histogram();
  for (const value of values) made.record(value);
  return made;
};
/** The sample of a nearest rank, from the whole sorted list. */
const rankOf = (values: readonly number[], p: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((p * sorted.length) / 100 - 1e-9) - 1)] as number;
};
const anyValue = fc.oneof(
  fc.integer({ min: 0, max: 3_600_000_000 }),
  fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }),
  fc.maxSafeInteger(),
  fc.integer({ min: 0, max: 300 }),
);
const values = fc.array(anyValue, { minLength: 1, maxLength: 300 });

describe('Histogram', () => {
  it('keeps count, sum, least and greatest exactly', () => {
    fc.assert(
      fc.property(values, (list) => {
        const made = of(list);
        expect(made.count).toBe(list.length);
        expect(made.sum).toBe(list.reduce((sum, value) => sum + BigInt(value), 0n));
        expect(made.min).toBe(Math.min(...list));
        expect(made.max).toBe(Math.max(...list));
      }),
    );
  });

  it('gives every percentile within 1 % of the sample of its rank', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 100, noNaN: true }), (list, p) => {
        const exact = rankOf(list, p);
        expect(Math.abs(of(list).percentile(p) - exact)).toBeLessThanOrEqual(Math.abs(exact) * 0.01);
      }),
    );
  });

  it('merges to the same bytes in any order', () => {
    fc.assert(
      fc.property(fc.array(values, { minLength: 2, maxLength: 5 }), fc.nat(), (lists, turn) => {
        const all = of(lists.flat()).encode();
        const merged = new Histogram();
        const start = turn % lists.length;
        for (const list of [...lists.slice(start), ...lists.slice(0, start)]) merged.merge(of(list));
        expect(merged.encode()).toEqual(all);
      }),
    );
  });

  it('comes back from its bytes', () => {
    fc.assert(
      fc.property(values, (list) => {
        const bytes = of(list).encode();
        expect(Histogram.decode(bytes).encode()).toEqual(bytes);
      }),
    );
  });

  it('never takes bytes that are no histogram', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(Histogram.decode(bytes).encode().length).toBeGreaterThan(0);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(RangeError);
        }
      }),
    );
  });

  it('clamps what is out of range, rejects what is no number, and counts both', () => {
    const made = new Histogram();
    made.recordWithin(5, 0, 10);
    made.recordWithin(99, 0, 10);
    made.recordWithin(-1, 0, 10);
    made.recordWithin(Number.NaN, 0, 10);
    expect([made.count, made.min, made.max, made.clamped, made.rejected]).toEqual([3, 0, 10, 2, 1]);
  });

  it('starts afresh after a reset', () => {
    const made = of([1, 2, 3]);
    made.reset();
    made.record(7);
    expect(made.encode()).toEqual(of([7]).encode());
  });

  it('holds 200 log-normal values (sigma 0.5) in less than 320 bytes', () => {
    let seed = 42;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return (seed + 1) / 2_147_483_650;
    };
    const normal = () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
    const list = Array.from({ length: 200 }, () => Math.round(50_000 * Math.exp(0.5 * normal())));
    expect(of(list).encode().length).toBeLessThan(320);
  });
});
