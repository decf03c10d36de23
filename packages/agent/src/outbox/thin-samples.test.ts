import { decodeNative, SAMPLE_COLUMNS, SamplesPayload } from '@muster/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { samplesOf } from '../../test/support/samples.js';
import { fitSamples, thinSamples } from './thin-samples.js';

const valuesOf = (bytes: Uint8Array | null): number[] => {
  if (bytes === null) return [];
  const { rows, columns } = decodeNative(SamplesPayload, bytes);
  const data = Buffer.from(columns[0]?.data ?? []);
  return Array.from({ length: rows }, (_, row) => data.readDoubleLE(row * 8));
};
const row = (value: number, failed = false) => ({ value, failed });

describe('thinning raw rows', () => {
  it('keeps every n-th row and all failed ones', () => {
    const bytes = samplesOf([row(0), row(1), row(2, true), row(3), row(4), row(5)]);
    expect(valuesOf(thinSamples(bytes, 1))).toEqual([0, 1, 2, 3, 4, 5]);
    expect(valuesOf(thinSamples(bytes, 3))).toEqual([0, 2, 3]);
    expect(valuesOf(thinSamples(bytes, Number.POSITIVE_INFINITY))).toEqual([2]);
    expect(thinSamples(samplesOf([row(0)]), Number.POSITIVE_INFINITY)).toBeNull();
  });

  it('leaves alone what it can not read', () => {
    const bytes = new Uint8Array([1, 2, 3]);
    expect(thinSamples(bytes, 8)).toBe(bytes);
  });

  it('fits a batch into one message', () => {
    const bytes = samplesOf(Array.from({ length: 1_000 }, (_, n) => row(n)));
    const fitted = fitSamples(bytes, bytes.byteLength / 3);
    expect(fitted?.byteLength).toBeLessThan(bytes.byteLength / 3);
    expect(valuesOf(fitted).length).toBeGreaterThan(100);
    expect(fitSamples(bytes, 10)).toBeNull();
  });

  it('keeps the columns together', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ value: fc.nat({ max: 1_000 }), failed: fc.boolean() }), { minLength: 1, maxLength: 50 }),
        fc.integer({ min: 2, max: 10 }),
        (rows, keepOneIn) => {
          const expected = rows.filter(({ failed }, n) => failed || n % keepOneIn === 0);
          const thinned = thinSamples(samplesOf(rows), keepOneIn) ?? new Uint8Array();
          expect(decodeNative(SamplesPayload, thinned)).toEqual(decodeNative(SamplesPayload, samplesOf(expected)));
        },
      ),
    );
    expect(SAMPLE_COLUMNS).toHaveLength(22);
  });
});
