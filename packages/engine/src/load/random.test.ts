import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from './random.js';

const draw = (count: number, ...seeds: number[]): number[] => {
  const random = new SeededRandom(...seeds);
  return Array.from({ length: count }, () => random.next());
};

describe('SeededRandom', () => {
  it('repeats from its seeds, lies in [0, 1), and differs between users', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(1_000_000), (seed, user) => {
        const numbers = draw(20, seed, user);
        expect(draw(20, seed, user)).toEqual(numbers);
        expect(draw(20, seed, user + 1)).not.toEqual(numbers);
        for (const number of numbers) expect(number >= 0 && number < 1).toBe(true);
      }),
    );
  });

  it('spreads evenly: a hundred bins of ten thousand draws each are filled about alike', () => {
    const bins = new Array<number>(100).fill(0);
    const random = new SeededRandom(7);
    for (let n = 0; n < 1_000_000; n += 1) {
      const bin = Math.floor(random.next() * 100);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    // Chi squared with 99 degrees of freedom: beyond 160 is less likely than 1 in 10,000.
    const chi = bins.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chi).toBeLessThan(160);
  });

  it('of users next to each other is not alike', () => {
    const firsts = Array.from({ length: 10_000 }, (_, user) => draw(1, 42, user)[0] as number);
    expect(new Set(firsts).size).toBe(10_000);
    const mean = firsts.reduce((sum, each) => sum + each, 0) / firsts.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
  });
});
