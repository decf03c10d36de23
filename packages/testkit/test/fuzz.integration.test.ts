import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fuzz } from '../src/fuzz/fuzz.js';

const MINUTES = 1;

describe('garbage on every socket', () => {
  it('ends no process, leaks nothing, leaves no question without its answer and disturbs nobody', async () => {
    const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31));
    console.log(`fuzzed from the seed ${seed}: npm run fuzz -- --minutes ${MINUTES} --seed ${seed}`);
    const report = await fuzz({ seed, minutes: MINUTES });
    console.log(JSON.stringify(report));
    expect(report.good.rounds).toBeGreaterThan(0);
    expect(Math.min(...Object.values(report.sent))).toBeGreaterThan(0);
  }, 300_000);
});
