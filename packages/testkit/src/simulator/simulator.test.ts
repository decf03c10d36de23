import { describe, expect, it } from 'vitest';
import { PLANTED_FAULTS } from './planted-faults.js';
import { reportOf } from './report.js';
import type { Schedule } from './schedule.js';
import { shrink } from './shrink.js';
import { simulate } from './simulate.js';

const SEED = Number(process.env.MUSTER_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const SCHEDULES = Number(process.env.MUSTER_TEST_SCHEDULES ?? 10_000);
/** Within so many schedules each planted fault is found many times over. */
const ENOUGH = 20_000;
const TIMEOUT_MS = 600_000;

const count = (into: Map<string, number>, key: string): void => void into.set(key, (into.get(key) ?? 0) + 1);

describe('controller, ledger and supervisor', () => {
  it(
    'keep what must always hold, whatever happens',
    () => {
      console.log(`simulator: ${SCHEDULES} schedules from MUSTER_TEST_SEED=${SEED}`);
      const ends = new Map<string, number>();
      const troubles = new Map<string, number>();
      let steps = 0;
      for (let seed = SEED; seed < SEED + SCHEDULES; seed += 1) {
        const outcome = simulate(seed);
        steps += outcome.steps;
        for (const end of outcome.ends) count(ends, end);
        for (const { kind } of outcome.schedule.troubles) count(troubles, kind);
        if (outcome.violation !== null) expect.fail(reportOf(seed, outcome.violation));
      }
      console.log(`simulator: ${steps} steps, ends: ${JSON.stringify(Object.fromEntries(ends))}`);
      // A search that reaches little finds little: this one comes to every kind of end by every kind of trouble.
      if (SCHEDULES < 10_000) return;
      const reached = [...ends.keys()].map((end) => end.split(' ')[1]);
      for (const code of ['0', '99', '104', '105', '107', '108', '121', '122']) expect(reached).toContain(code);
      expect([...troubles.keys()].sort()).toEqual([
        'agent dies',
        'agent is told to quit',
        'agent stands still',
        'broker dies',
        'broker stands still',
        'disk is slow',
        'link is cut',
        'worker blocks',
        'worker dies',
      ]);
    },
    TIMEOUT_MS,
  );

  it('do the same again from the same seed', () => {
    for (let seed = SEED; seed < SEED + 20; seed += 1) {
      const [once, again] = [simulate(seed, { trace: true }), simulate(seed, { trace: true })];
      expect(again).toEqual(once);
      expect(once.trace.length).toBeGreaterThan(0);
    }
  });
});

describe('the simulator', () => {
  it.each(PLANTED_FAULTS)(
    'finds that $name',
    ({ breaks, cores }) => {
      let seed = SEED;
      let { violation } = simulate(seed, { cores });
      while (violation?.invariant !== breaks && seed < SEED + ENOUGH) {
        seed += 1;
        violation = simulate(seed, { cores }).violation;
      }
      expect(violation?.invariant, `not within ${ENOUGH} schedules from seed ${SEED}`).toBe(breaks);
    },
    TIMEOUT_MS,
  );

  it(
    'reports a violation with the shortest schedule that shows it',
    () => {
      const fault = PLANTED_FAULTS.find(({ breaks }) => breaks === 'right');
      if (fault === undefined) throw new Error('no fault is planted against the right to load');
      const { cores } = fault;
      let seed = SEED;
      while (simulate(seed, { cores }).violation?.invariant !== 'right') seed += 1;
      const { violation } = simulate(seed, { cores });
      if (violation === null) throw new Error('it was found a moment ago');
      const text = reportOf(seed, violation, cores);
      expect(text).toContain(`MUSTER_TEST_SEED=${seed}`);
      expect(text).toContain(violation.text);
      const small = JSON.parse(/simplest schedule that breaks it: (.*)/.exec(text)?.[1] ?? '{}') as Schedule;
      expect(simulate(small, { cores }).violation?.invariant).toBe('right');
      expect(shrink(small, violation, (each) => simulate(each, { cores }).violation)).toEqual(small);
    },
    TIMEOUT_MS,
  );
});
