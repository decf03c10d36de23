import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pick } from './pick.js';
import { Heartbeat, Rhythm } from './rhythm.js';

describe('the choice of agents', () => {
  it('gives each at most once, as many as asked for, the same for the same seed', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string()), fc.nat(20), fc.integer(), (from, count, seed) => {
        const picked = pick(from, count, seed);
        expect(picked).toHaveLength(Math.min(count, from.length));
        expect(new Set(picked).size).toBe(picked.length);
        expect(picked.every((each) => from.includes(each))).toBe(true);
        expect(pick(from, count, seed)).toEqual(picked);
      }),
    );
  });

  it('leaves nobody out', () => {
    const first = new Set(Array.from({ length: 100 }, (_, seed) => pick(['a', 'b', 'c', 'd'], 1, seed)[0]));
    expect(first.size).toBe(4);
  });
});

describe('a rhythm', () => {
  it('begins one period after the first look, and makes up for nothing', () => {
    const rhythm = new Rhythm(100);
    const due = [0, 50, 100, 150, 200, 1_000, 1_050, 1_100].filter((now) => rhythm.isDue(now));
    expect(due).toEqual([100, 200, 1_000, 1_100]);
  });

  it('of the heartbeat is that of the original', () => {
    const heartbeat = new Heartbeat();
    expect(Array.from({ length: 7 }, () => heartbeat.next())).toEqual([
      'REGISTER',
      'BEAT',
      'BEAT',
      'BEAT',
      'BEAT',
      'REGISTER',
      'BEAT',
    ]);
  });
});
