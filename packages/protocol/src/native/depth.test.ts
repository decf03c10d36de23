import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { depthWithin } from './depth.js';

const packr = new Packr({ useRecords: false, mapsAsObjects: true, variableMapSize: true });
const depthOf = (value: unknown): number => {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return 0;
  const inside = Object.values(value);
  return inside.length === 0 ? 0 : 1 + Math.max(...inside.map(depthOf));
};
const anything = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthSize: 'large' },
    fc.oneof(
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
      fc.string({ maxLength: 300, unit: 'binary' }),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    ),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(fc.string({ maxLength: 40 }), tie('value'), { maxKeys: 20 }),
  ),
})).value;

describe('the walk over a message', () => {
  it('finds exactly how deep any data is nested', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const bytes = packr.pack(value);
        const depth = depthOf(value);
        expect(depthWithin(bytes, depth)).toBe(true);
        if (depth > 0) expect(depthWithin(bytes, depth - 1)).toBe(false);
      }),
    );
  });

  it('refuses what is cut short or has something behind it', () => {
    fc.assert(
      fc.property(anything, fc.nat(), (value, cut) => {
        const bytes = packr.pack(value);
        expect(depthWithin(bytes.subarray(0, cut % bytes.length), 32)).toBe(false);
        expect(depthWithin(Buffer.concat([bytes, Buffer.from([0])]), 32)).toBe(false);
      }),
    );
  });

  it('knows the heads with 16 and 32 bits of length', () => {
    for (const count of [16, 70_000]) {
      expect(depthWithin(packr.pack(new Array(count).fill(0)), 1)).toBe(true);
      expect(depthWithin(packr.pack(Object.fromEntries(new Array(count).fill(0).map((_, n) => [`k${n}`, n]))), 1)).toBe(
        true,
      );
      expect(depthWithin(packr.pack('x'.repeat(count)), 0)).toBe(true);
      expect(depthWithin(packr.pack(Buffer.alloc(count)), 0)).toBe(true);
    }
  });

  it('refuses extensions and heads that the format does not use', () => {
    for (const head of [0xc1, 0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8])
      expect(depthWithin(Buffer.concat([Buffer.from([head]), Buffer.alloc(20)]), 32)).toBe(false);
  });
});
