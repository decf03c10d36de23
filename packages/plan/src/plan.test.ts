import {
  type ArrivalScenario,
  activeMsOf,
  agentStripe,
  claim,
  countIn,
  countOwned,
  countSlots,
  firstIn,
  loseHolder,
  nextChangeMs,
  openBook,
  outstandingOf,
  type PlanShape,
  planWithout,
  type RampingVus,
  resolveOptions,
  SlotCursor,
  scheduleOf,
  vusAt,
  workerStripe,
} from '@muster/plan';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const base = {
  name: 'it',
  exec: 'default',
  startTimeMs: 0,
  gracefulStopMs: 0,
  env: {},
  tags: {},
  perAgent: false,
  after: null,
};
const constant = (rate: number, durationMs: number, startTimeMs = 0): ArrivalScenario => ({
  ...base,
  startTimeMs,
  executor: 'constant-arrival-rate',
  rate,
  timeUnitMs: 1_000,
  durationMs,
  preAllocatedVUs: 1,
  maxVUs: 1,
});
const stage = fc.record({ durationMs: fc.integer({ min: 0, max: 5_000 }), target: fc.integer({ min: 0, max: 300 }) });
const stages = fc
  .array(stage, { minLength: 1, maxLength: 5 })
  .filter((list) => list.some((each) => each.durationMs > 0));
const arrival: fc.Arbitrary<ArrivalScenario> = fc.oneof(
  fc
    .record({
      rate: fc.integer({ min: 1, max: 3_000 }),
      durationMs: fc.integer({ min: 1, max: 5_000 }),
      startTimeMs: fc.nat(3_000),
    })
    .map((it) => constant(it.rate, it.durationMs, it.startTimeMs)),
  fc.record({ startRate: fc.nat(200), stages, startTimeMs: fc.nat(3_000) }).map(
    (it): ArrivalScenario => ({
      ...base,
      ...it,
      executor: 'ramping-arrival-rate',
      timeUnitMs: 1_000,
      preAllocatedVUs: 1,
      maxVUs: 1,
    }),
  ),
);
const slotsOf = (cursor: SlotCursor): number[] => {
  const slots: number[] = [];
  for (; cursor.dueUs < Number.POSITIVE_INFINITY; cursor.advance()) slots.push(cursor.slot);
  return slots;
};

describe('a schedule', () => {
  it('of a constant rate has rate × duration slots, evenly', () => {
    const schedule = scheduleOf(constant(2_000, 20_000));
    expect(schedule.slots).toBe(40_000);
    expect([schedule.dueUs(0), schedule.dueUs(1), schedule.dueUs(39_999)]).toEqual([0, 500, 19_999_500]);
  });

  it('never holds more than rate + 1 in any second of a constant rate', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3_000 }), fc.nat(4_000_000), (rate, fromUs) => {
        const schedule = scheduleOf(constant(rate, 5_000));
        expect(schedule.slotsBefore(fromUs + 1_000_000) - schedule.slotsBefore(fromUs)).toBeLessThanOrEqual(rate + 1);
      }),
    );
  });

  it('has slots in order within the scenario, and counts those before an instant', () => {
    fc.assert(
      fc.property(arrival, fc.nat(10_000_000), (scenario, us) => {
        const schedule = scheduleOf(scenario);
        let before = Number.NEGATIVE_INFINITY;
        let counted = 0;
        for (let slot = 0; slot < schedule.slots; slot += 1) {
          const due = schedule.dueUs(slot);
          expect(due).toBeGreaterThanOrEqual(before);
          if (due < us) counted += 1;
          before = due;
        }
        if (schedule.slots > 0)
          expect(before).toBeLessThanOrEqual((scenario.startTimeMs + activeMsOf(scenario)) * 1_000);
        expect(schedule.slotsBefore(us)).toBe(counted);
      }),
      { numRuns: 60 },
    );
  });

  it('of a ramp follows the integral of the rate', () => {
    fc.assert(
      fc.property(fc.nat(100), stages, (startRate, list) => {
        const schedule = scheduleOf({
          ...base,
          executor: 'ramping-arrival-rate',
          startRate,
          stages: list,
          timeUnitMs: 1_000,
          preAllocatedVUs: 1,
          maxVUs: 1,
        });
        // The integral by sums over milliseconds, one entry each.
        const area = [0];
        let rate = startRate;
        for (const each of list) {
          for (let ms = 0; ms < each.durationMs; ms += 1)
            area.push((area.at(-1) as number) + (rate + ((each.target - rate) * (ms + 0.5)) / each.durationMs) / 1_000);
          rate = each.target;
        }
        for (let slot = 0; slot < schedule.slots; slot += 1) {
          const ms = Math.floor(schedule.dueUs(slot) / 1_000);
          expect(area[ms] as number).toBeLessThanOrEqual(slot + 0.01);
          expect(area[ms + 1] ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(slot - 0.01);
        }
        expect(Math.abs(schedule.slots - (area.at(-1) as number))).toBeLessThanOrEqual(1.001);
      }),
      { numRuns: 30 },
    );
  });
});

describe('striping', () => {
  it('gives every slot to exactly one worker of one agent', () => {
    fc.assert(
      fc.property(
        arrival,
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }),
        (scenario, workers) => {
          const schedule = scheduleOf(scenario);
          const all = workers.flatMap((count, agent) =>
            Array.from({ length: count }, (_, worker) =>
              slotsOf(new SlotCursor(schedule, workerStripe(agentStripe(agent, workers.length), worker, count))),
            ).flat(),
          );
          expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: schedule.slots }, (_, slot) => slot));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('counts and finds without walking', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.integer({ min: 1, max: 21 }), fc.nat(500), (offset, period, total) => {
        const members = Array.from({ length: total }, (_, n) => n).filter(
          (n) => n >= offset && (n - offset) % period === 0,
        );
        expect(countIn({ offset, period }, total)).toBe(members.length);
        const first = firstIn({ offset, period }, total);
        expect(
          first >= total &&
            first >= offset &&
            (first - offset) % period === 0 &&
            first - period < Math.max(total, offset + 1),
        ).toBe(true);
      }),
    );
  });

  it('over any sequence of plans owns every slot once, and counts as the cursors walk', () => {
    const losses = fc.array(fc.integer({ min: 1, max: 8_000 }), { maxLength: 3 });
    fc.assert(
      fc.property(arrival, losses, (scenario, instants) => {
        const schedule = scheduleOf(scenario);
        const plans: PlanShape[] = [{ generation: 1, fromMs: 0, members: ['a', 'b', 'c', 'd'] }];
        for (const fromMs of [...instants].sort((a, b) => a - b)) {
          const last = plans.at(-1) as PlanShape;
          plans.push(planWithout(last, [last.members[0] as string], fromMs));
        }
        const owned: number[] = [];
        for (const agent of ['a', 'b', 'c', 'd']) {
          const mine: number[] = [];
          for (const [index, plan] of plans.entries()) {
            const place = plan.members.indexOf(agent);
            if (place < 0) continue;
            mine.push(
              ...slotsOf(
                new SlotCursor(
                  schedule,
                  agentStripe(place, plan.members.length),
                  plan.fromMs * 1_000,
                  (plans[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY) * 1_000,
                ),
              ),
            );
          }
          expect(countOwned(scenario, plans, agent, null, 0, 1e9)).toBe(mine.length);
          owned.push(...mine);
        }
        expect(owned.sort((a, b) => a - b)).toEqual(Array.from({ length: schedule.slots }, (_, slot) => slot));
        expect(countSlots(schedule, { offset: 0, period: 1 }, 0, 1e12)).toBe(schedule.slots);
      }),
      { numRuns: 60 },
    );
  });
});

describe('ramping users', () => {
  it('change in steps of one at the instants that are foretold', () => {
    fc.assert(
      fc.property(fc.nat(20), stages, (startVUs, list) => {
        const scenario: RampingVus = {
          ...base,
          executor: 'ramping-vus',
          startVUs,
          stages: list.map((each) => ({ ...each, target: each.target % 30 })),
          gracefulRampDownMs: 0,
        };
        const end = activeMsOf(scenario);
        for (let at = 0, steps = 0; at < end && steps < 500; steps += 1) {
          const next = nextChangeMs(scenario, at);
          expect(next).toBeGreaterThan(at);
          expect(vusAt(scenario, (at + next) / 2)).toBe(vusAt(scenario, at + (next - at) * 0.1));
          at = next;
        }
        expect(vusAt(scenario, end)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});

describe('claims', () => {
  it('give everything out once, and again only what a lost holder had not confirmed', () => {
    const step = fc.record({
      who: fc.constantFrom('a', 'b', 'c'),
      count: fc.integer({ min: 1, max: 40 }),
      lose: fc.boolean(),
      used: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.array(step, { maxLength: 60 }),
        fc.constantFrom('at-most-once' as const, 'at-least-once' as const),
        (total, steps, mode) => {
          let book = openBook(mode, total);
          const given = new Map<number, number>();
          for (const { who, count, lose, used } of steps) {
            const open = outstandingOf(book, who);
            const confirmed = (book.holders[who]?.confirmed ?? 0) + Math.floor(open * used);
            const out = claim(book, who, count, confirmed);
            book = out.book;
            for (let n = out.from; n < out.from + out.count; n += 1) given.set(n, (given.get(n) ?? 0) + 1);
            if (lose) book = loseHolder(book, who);
          }
          const twice = [...given.values()].reduce((sum, times) => sum + times - 1, 0);
          expect([...given.keys()].every((n) => n >= 0 && n < total)).toBe(true);
          if (mode === 'at-most-once') expect(twice).toBe(0);
          else expect(twice).toBeLessThanOrEqual(book.reissued);
        },
      ),
    );
  });

  it('are exhausted only when nothing can come back any more', () => {
    let { book } = claim(openBook('at-least-once', 10), 'a', 10, 0);
    expect(claim(book, 'b', 5, 0)).toMatchObject({ count: 0, exhausted: false });
    book = loseHolder(book, 'a');
    const again = claim(book, 'b', 10, 0);
    expect(again).toMatchObject({ from: 0, count: 10, exhausted: false });
    expect(claim(again.book, 'b', 5, 10)).toMatchObject({ count: 0, exhausted: true });
  });
});

describe('options', () => {
  const of = (exported: unknown, overrides?: unknown) =>
    resolveOptions(exported, overrides, { functions: ['default', 'buy'], metrics: [{ name: 'mine', type: 'trend' }] });
  const scenario = (exported: unknown, overrides?: unknown) => {
    const resolved = of(exported, overrides);
    if (!resolved.ok) throw new Error(JSON.stringify(resolved.faults));
    return resolved.options.scenarios;
  };

  it('have short forms', () => {
    expect(scenario(undefined)).toMatchObject([{ executor: 'per-vu-iterations', vus: 1, iterations: 1 }]);
    expect(scenario({ vus: 3, duration: '1m30s' })).toMatchObject([
      { executor: 'constant-vus', vus: 3, durationMs: 90_000 },
    ]);
    expect(scenario({ vus: 3, iterations: 9 })).toMatchObject([
      { executor: 'shared-iterations', vus: 3, iterations: 9 },
    ]);
    expect(scenario({ stages: [{ duration: '1s', target: 5 }] })).toMatchObject([
      { executor: 'ramping-vus', startVUs: 1 },
    ]);
    expect(scenario({ users: '2:3', hits: '4:1' })).toMatchObject([
      { vus: 2, iterations: 5, perAgent: true, after: null },
      { vus: 3, iterations: 5, perAgent: true, after: 'stage-1' },
    ]);
  });

  it('of the command line win, and replace the scenarios of the script', () => {
    expect(
      scenario({ scenarios: { a: { executor: 'constant-vus', duration: '1s' } } }, { vus: 2, duration: '5s' }),
    ).toMatchObject([{ name: 'default', vus: 2, durationMs: 5_000 }]);
    expect(scenario({ vus: 10, duration: '1m' }, { duration: '2s' })).toMatchObject([{ vus: 10, durationMs: 2_000 }]);
    expect(scenario({ vus: 10, duration: '1m' }, { iterations: 20 })).toMatchObject([
      { executor: 'shared-iterations', iterations: 20 },
    ]);
  });

  it('that are wrong are all named, with their paths', () => {
    const resolved = of({
      scenarios: {
        a: { executor: 'constant-arrival-rate', rate: -1, duration: 'soon', preAlocatedVUs: 3 },
        b: { executor: 'constant-vu' },
        c: { executor: 'constant-vus', duration: '1s', exec: 'sell' },
      },
      thresholds: {
        http_req_duration: ['p(95)<'],
        http_reqs: ['p(95)<1'],
        http_req_duraton: ['avg<1'],
        mine: ['count>1'],
      },
      treshold: 1,
    });
    if (resolved.ok) throw new Error('must not resolve');
    const paths = resolved.faults.map((fault) => fault.path);
    for (const path of [
      'scenarios.a.rate',
      'scenarios.a.duration',
      'scenarios.a.preAllocatedVUs',
      'scenarios.a.preAlocatedVUs',
      'scenarios.b.executor',
      'scenarios.c.exec',
      'thresholds.http_req_duration.0',
      'thresholds.http_reqs.0',
      'thresholds.http_req_duraton',
      'thresholds.mine.0',
      'treshold',
    ]) {
      expect(paths).toContain(path);
    }
    expect(resolved.faults.find((fault) => fault.path === 'treshold')?.message).toContain('did you mean "thresholds"?');
    expect(resolved.faults.find((fault) => fault.path === 'scenarios.b.executor')?.message).toContain(
      'did you mean "constant-vus"?',
    );
  });

  it('of the network are k6’s, and a base URL', () => {
    const networkOf = (given: object) => {
      const resolved = resolveOptions({ iterations: 1, ...given });
      return resolved.ok ? { ...resolved.options.dns, baseUrl: resolved.options.baseUrl } : resolved.faults;
    };
    const defaults = { ttlMs: 300_000, select: 'random', policy: 'preferIPv4', baseUrl: '' };
    expect(networkOf({})).toEqual(defaults);
    expect(networkOf({ dns: { ttl: 'inf', select: 'roundRobin' } })).toEqual({
      ...defaults,
      ttlMs: null,
      select: 'roundRobin',
    });
    expect(networkOf({ dns: { ttl: '0', policy: 'onlyIPv6' }, baseUrl: 'https://shop.example/a' })).toEqual({
      ...defaults,
      ttlMs: 0,
      policy: 'onlyIPv6',
      baseUrl: 'https://shop.example/a',
    });
    expect(networkOf({ dns: { ttl: 'soon', select: 'best', speed: 1 }, baseUrl: '/a' })).toMatchObject([
      { path: 'dns.ttl' },
      { path: 'dns.select' },
      { path: 'dns.speed' },
      { path: 'baseUrl' },
    ]);
    expect(networkOf({ dns: '8.8.8.8' })).toMatchObject([{ path: 'dns' }]);
  });

  it('never crash on anything', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (exported, overrides) => {
        expect(typeof of(exported, overrides).ok).toBe('boolean');
      }),
    );
  });
});
