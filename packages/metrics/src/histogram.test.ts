import { Histogram, MAX_FIXED, MAX_TIME_US, nearestRank, Trend } from '@muster/metrics';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const of = (values: readonly number[]): Histogram => {
  const made = new Histogram();
  for (const value of values) made.record(value);
  return made;
};
/** The sample of a nearest rank, from the whole sorted list: the first with at least p percent at or below it. */
const sampleOf = (values: readonly number[], p: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[nearestRank(p, sorted.length) - 1] as number;
};
const sumOf = (values: readonly number[]): bigint => values.reduce((sum, value) => sum + BigInt(value), 0n);

const time = fc.oneof(fc.integer({ min: 0, max: MAX_TIME_US }), fc.integer({ min: 0, max: 300 }));
/** Whole doubles of every size up to the ends of the range, both signs. */
const huge = fc
  .tuple(fc.double({ min: 0, max: 62.99, noNaN: true }), fc.boolean())
  .map(([power, below]) => Math.min(MAX_FIXED, Math.round(2 ** power)) * (below ? -1 : 1));
const edge = fc
  .tuple(fc.integer({ min: 0, max: 62 }), fc.integer({ min: -1, max: 1 }), fc.boolean())
  .map(([power, beside, below]) => (2 ** power + beside) * (below ? -1 : 1) + 0);
const anyValue = fc.oneof(
  time,
  fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }),
  fc.maxSafeInteger(),
  huge,
  edge,
);
const values = fc.array(anyValue, { minLength: 1, maxLength: 300 });
const percent = fc.oneof(fc.double({ min: 0, max: 100, noNaN: true }), fc.constantFrom(0, 50, 90, 95, 99, 99.9, 100));

describe('Histogram', () => {
  it('keeps count, sum, least and greatest exactly', () => {
    fc.assert(
      fc.property(values, (list) => {
        const made = of(list);
        expect(made.count).toBe(list.length);
        expect(made.sum).toBe(sumOf(list));
        expect(made.min).toBe(Math.min(...list));
        expect(made.max).toBe(Math.max(...list));
      }),
    );
  });

  it('gives every percentile within 0.4 % of the sample of its rank', () => {
    fc.assert(
      fc.property(values, percent, (list, p) => {
        const exact = sampleOf(list, p);
        expect(Math.abs(of(list).percentile(p) - exact)).toBeLessThanOrEqual(Math.abs(exact) * 0.004);
      }),
    );
  });

  it('is within 0.4 % at both edges of the widest buckets of every power of two, on both sides of 0', () => {
    for (let power = 8; power < 62; power += 1)
      for (const edge of [2 ** power, 2 ** power + Math.max(0, 2 ** (power - 7) - 1)]) {
        const sample = Math.min(edge, MAX_FIXED);
        expect(Math.abs(of([0, sample, MAX_FIXED]).percentile(50) - sample) / sample).toBeLessThanOrEqual(0.004);
        expect(Math.abs(of([0, -sample, -MAX_FIXED]).percentile(50) + sample) / sample).toBeLessThanOrEqual(0.004);
      }
  });

  it('gives the ends exactly, and every rank below 256 microseconds', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -255, max: 255 }), { minLength: 1 }), percent, (list, p) => {
        expect(of(list).percentile(p)).toBe(sampleOf(list, p));
      }),
    );
    fc.assert(
      fc.property(values, (list) => {
        expect([of(list).percentile(0), of(list).percentile(100)]).toEqual([Math.min(...list), Math.max(...list)]);
      }),
    );
  });

  it('takes the nearest rank, where k6 interpolates', () => {
    const made = of([10, 20, 30, 40]);
    expect([0, 25, 25.1, 50, 75, 95, 100].map((p) => made.percentile(p))).toEqual([10, 10, 20, 20, 30, 40, 40]);
    expect(nearestRank(99.9, 1_000)).toBe(999);
    expect(nearestRank(99.9, 1_001)).toBe(1_000);
    expect(nearestRank(95, 1_000_000_000_000)).toBe(950_000_000_000);
  });

  it('computes the nearest rank as exact fractions would', () => {
    const hundredths = fc.integer({ min: 0, max: 10_000 });
    fc.assert(
      fc.property(hundredths, fc.integer({ min: 1, max: 1_000_000_000_000 }), (p, count) => {
        const exact = (BigInt(p) * BigInt(count) + 9_999n) / 10_000n;
        expect(BigInt(nearestRank(p / 100, count))).toBe(exact > 1n ? exact : 1n);
      }),
      { numRuns: 2_000 },
    );
  });

  it('merges to the same bytes in any order and any grouping', () => {
    const lists = fc.array(values, { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(lists, fc.infiniteStream(fc.nat()), (parts, order) => {
        const all = of(parts.flat()).encode();
        const shuffled = parts
          .map((part) => ({ part, key: order.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ part }) => of(part));
        const fromLeft = new Histogram();
        for (const part of shuffled) fromLeft.merge(part);
        const fromRight = new Histogram();
        for (const part of shuffled.reverse()) {
          part.merge(fromRight);
          fromRight.reset();
          fromRight.merge(part);
        }
        expect(fromLeft.encode()).toEqual(all);
        expect(fromRight.encode()).toEqual(all);
      }),
    );
  });

  it('keeps the sum exact beyond 2^53, recorded and merged', () => {
    const made = of([MAX_FIXED, 1, 2 ** 53, 3]);
    for (let n = 0; n < 5; n += 1) made.merge(Histogram.decode(made.encode()));
    expect(made.sum).toBe((BigInt(MAX_FIXED) + 4n + 2n ** 53n) * 32n);
    expect(Histogram.decode(made.encode()).sum).toBe(made.sum);
    const near = of([2 ** 52 - 1, 2 ** 52 - 1, 1, -(2 ** 52 - 1), 2 ** 51 + 1, 2 ** 51]);
    expect(near.sum).toBe(2n ** 53n + 1n);
  });

  it('merges what was clamped and rejected', () => {
    const part = of([Number.NaN, 2 ** 70]);
    const made = of([Number.NaN]);
    made.merge(part);
    made.merge(part);
    expect([made.count, made.clamped, made.rejected]).toEqual([2, 2, 3]);
  });

  it('records the value after which a count needs more than 32 bits', () => {
    const made = new Histogram();
    const power = of([7]);
    for (let n = 0; n < 32; n += 1) {
      made.merge(power);
      power.merge(Histogram.decode(power.encode()));
    }
    expect(made.count).toBe(2 ** 32 - 1);
    for (const value of [7, 7, 8]) made.record(value);
    expect(Histogram.decode(made.encode()).count).toBe(2 ** 32 + 2);
    expect(made.percentile(50)).toBe(7);
  });

  it('counts beyond 32 bits in one bucket', () => {
    const made = of([7, 7, 9]);
    for (let n = 0; n < 40; n += 1) made.merge(Histogram.decode(made.encode()));
    expect(made.count).toBe(3 * 2 ** 40);
    expect(made.sum).toBe(23n * 2n ** 40n);
    made.record(9);
    expect([made.percentile(60), made.percentile(70)]).toEqual([7, 9]);
    expect(Histogram.decode(made.encode()).encode()).toEqual(made.encode());
  });

  it('comes back from its bytes, whole', () => {
    fc.assert(
      fc.property(values, fc.array(percent), (list, percents) => {
        const made = of(list);
        made.record(Number.NaN);
        made.recordWithin(1e30, 0, 50);
        const back = Histogram.decode(made.encode());
        expect(back.encode()).toEqual(made.encode());
        expect([back.sum, back.min, back.max, back.clamped, back.rejected]).toEqual([
          made.sum,
          made.min,
          made.max,
          1,
          1,
        ]);
        expect(percents.map((p) => back.percentile(p))).toEqual(percents.map((p) => made.percentile(p)));
      }),
    );
    expect(Histogram.decode(new Histogram().encode()).encode()).toEqual(new Histogram().encode());
  });

  it('takes no bytes but those that a histogram encodes to', () => {
    const takesOnlyItsOwn = (bytes: Uint8Array) => {
      let back: Histogram;
      try {
        back = Histogram.decode(bytes);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(RangeError);
        return;
      }
      expect(back.encode()).toEqual(bytes);
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), takesOnlyItsOwn), { numRuns: 1_000 });
    // Bytes that nearly are one: a histogram's, with a few of them changed, taken out or put in.
    const change = fc.tuple(fc.nat(), fc.nat({ max: 255 }), fc.constantFrom('set', 'insert', 'remove'));
    fc.assert(
      fc.property(fc.array(anyValue, { maxLength: 8 }), fc.array(change, { maxLength: 3 }), (list, changes) => {
        const bytes = [...of(list).encode()];
        for (const [where, byte, how] of changes) {
          const at = where % (bytes.length + 1);
          if (how === 'insert') bytes.splice(at, 0, byte);
          else if (how === 'remove') bytes.splice(at, 1);
          else if (at < bytes.length) bytes[at] = byte;
        }
        takesOnlyItsOwn(Uint8Array.from(bytes));
      }),
      { numRuns: 3_000 },
    );
  });

  it('refuses bytes that would lie or never end', () => {
    const one = [...of([5]).encode()];
    const endless = Array.from({ length: 300 }, () => 0x80);
    for (const [why, bytes] of [
      ['the bytes end too early', []],
      ['not a histogram of this format', [9]],
      ['a number is too large', [1, ...endless, 0]],
      ['a number is too large', [1, 1, 0, 0, ...endless, 0]],
      ['a number is written longer than it is', [1, 0x80, 0, 0, 0]],
      ['a number is written longer than it is', [1, 1, 0, 0, 0x8a, 0, 10, 10, 1, 10, 0]],
      ['bytes are left over', [...one, 0]],
      ['more clamped values than values', [1, 0, 1, 0]],
      // count 1, sum 5, least and greatest 5, then its buckets.
      ['do not add up', [1, 2, 0, 0, 20, 10, 10, 1, 10, 0]],
      ['not those of its buckets', [1, 1, 0, 0, 10, 8, 10, 1, 10, 0]],
      ['not those of its buckets', [1, 1, 0, 0, 10, 10, 12, 1, 10, 0]],
      ['none of values between its ends', [1, 1, 0, 0, 12, 10, 10, 1, 10, 0]],
      ['a negative zero', [1, 1, 0, 0, 0, 0, 0, 0, 1, 0]],
      ['out of range', [1, 1, 0, 0, 10, 10, 10, 1, 0xff, 0xff, 0xff, 0xff, 0x7f, 0]],
    ] as const)
      expect(() => Histogram.decode(Uint8Array.from(bytes)), why).toThrow(why);
    expect(one).toEqual([1, 1, 0, 0, 10, 10, 10, 1, 10, 0]);
  });

  it('clamps what is out of range, rejects what is no finite number, and counts both', () => {
    const made = new Histogram();
    for (const value of [5, 99, -1, Number.NaN, Number.POSITIVE_INFINITY]) made.recordWithin(value, 0, 10);
    expect([made.count, made.min, made.max, made.clamped, made.rejected]).toEqual([3, 0, 10, 2, 2]);
    const wide = of([2 ** 63, -(2 ** 70), Number.NEGATIVE_INFINITY]);
    expect([wide.count, wide.min, wide.max, wide.clamped, wide.rejected]).toEqual([2, -MAX_FIXED, MAX_FIXED, 2, 1]);
  });

  it('rounds fractions, and knows no negative zero', () => {
    const made = of([1.4, 1.5, -0, -0.3]);
    expect([made.count, made.sum, made.max]).toEqual([4, 3n, 2]);
    expect([Object.is(of([-0]).min, 0), Object.is(of([-0.3]).min, 0)]).toEqual([true, true]);
  });

  it('starts afresh after a reset', () => {
    const made = of([1, 2, 3, -5, 2 ** 60]);
    made.recordWithin(9, 0, 1);
    made.reset();
    expect(made.encode()).toEqual(new Histogram().encode());
    expect([made.count, made.min, made.max, made.mean, made.percentile(50)]).toEqual([0, 0, 0, 0, 0]);
    made.record(7);
    expect(made.encode()).toEqual(of([7]).encode());
  });

  it('holds 200 log-normal values (sigma 0.5) in less than 320 bytes', () => {
    const unit = fc.noBias(fc.integer({ min: 1, max: 2 ** 30 })).map((n) => n / 2 ** 30);
    const normal = fc.tuple(unit, unit).map(([a, b]) => Math.sqrt(-2 * Math.log(a)) * Math.cos(2 * Math.PI * b));
    const windows = fc.array(normal, { minLength: 200, maxLength: 200, size: 'max' });
    const middles = fc.integer({ min: 100, max: 10_000_000 });
    fc.assert(
      fc.property(windows, middles, (list, middleUs) => {
        const made = of(list.map((each) => Math.round(middleUs * Math.exp(0.5 * each))));
        expect(made.encode().length).toBeLessThan(320);
      }),
    );
  });

  it('stays small when every bucket is in use', () => {
    const made = new Histogram();
    for (let power = 0; power < 63; power += 1)
      for (let step = 0; step < 128; step += 1) {
        made.record(2 ** power + Math.floor((2 ** power * step) / 128));
        made.record(-(2 ** power) - Math.floor((2 ** power * step) / 128));
      }
    expect(made.encode().length).toBeLessThan(17_000);
    expect(Histogram.decode(made.encode()).encode()).toEqual(made.encode());
  });
});

describe('Trend', () => {
  it('clamps times at an hour, and takes fractions of a microsecond', () => {
    const trend = new Trend('us');
    for (const us of [1.6, MAX_TIME_US + 1, -3, Number.NaN]) trend.addUs(us);
    const { histogram } = trend;
    expect([histogram.min, histogram.max, histogram.clamped, histogram.rejected]).toEqual([0, MAX_TIME_US, 2, 1]);
    expect(histogram.sum).toBe(2n + BigInt(MAX_TIME_US));
  });

  it('keeps six decimals of custom values of both signs', () => {
    const decimal = fc.integer({ min: -1_000_000_000, max: 1_000_000_000 });
    fc.assert(
      fc.property(fc.array(decimal, { minLength: 1 }), (millionths) => {
        const trend = new Trend('fixed');
        for (const each of millionths) trend.add(each / 1_000_000);
        expect(trend.histogram.sum).toBe(sumOf(millionths));
        expect(trend.histogram.min * trend.scale).toBeCloseTo(Math.min(...millionths) / 1_000_000, 9);
      }),
    );
  });

  it('clamps custom values at the ends of 64 bits', () => {
    const trend = new Trend('fixed');
    for (const value of [1e13, -1e300, 9e12]) trend.add(value);
    expect([trend.histogram.clamped, trend.histogram.max, trend.histogram.min]).toEqual([2, MAX_FIXED, -MAX_FIXED]);
  });
});
