import { SeriesSet, type SeriesSnapshot } from '@muster/metrics';
import {
  agentStripe,
  countSlots,
  isArrival,
  type PlanShape,
  planWithout,
  type ResolvedOptions,
  resolveOptions,
  scheduleOf,
  workerStripe,
} from '@muster/plan';
import { EVERY_WORKER } from '@muster/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coverageOf } from './coverage.js';
import type { MemberFacts, RunFacts } from './run-facts.js';
import { WorkerAccounts } from './worker-accounts.js';

const optionsOf = (rate: number, seconds: number): ResolvedOptions => {
  const resolved = resolveOptions({
    scenarios: {
      buy: { executor: 'constant-arrival-rate', rate, duration: `${seconds}s`, preAllocatedVUs: 5 },
    },
  });
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.faults));
  return resolved.options;
};
const member = (id: string, over: Partial<MemberFacts> = {}): MemberFacts => ({
  id,
  node: id,
  hostname: id,
  pid: 1,
  version: '0.1.0',
  workers: 1,
  state: 'ended',
  clockOffsetMs: null,
  clockBoundMs: null,
  ...over,
});
const counter = (metric: string, value: number, tags: Record<string, string>): SeriesSnapshot => ({
  metric,
  type: 'counter',
  contains: 'default',
  unit: 'fixed',
  tags,
  values: [value],
});
const of = (facts: RunFacts, accounts: WorkerAccounts, closed: readonly string[]) =>
  coverageOf({
    facts,
    accounts,
    closed: new Set(closed),
    totals: new SeriesSet(),
    rows: { measured: 0, stored: 0 },
  });

describe('coverage', () => {
  it('is complete when every stream is closed', () => {
    const accounts = new WorkerAccounts();
    accounts.sealed('a', 0, 5_000);
    const plans: PlanShape[] = [{ generation: 1, fromMs: 0, members: ['a'] }];
    const coverage = of({ options: null, plans, members: [member('a')], endedAtMs: 5_200 }, accounts, ['a']);
    expect(coverage).toMatchObject({ complete: true, ratio: 1, gaps: [] });
  });

  it('names from when to when a lost agent is missing, and how many slots nobody knows of', () => {
    const options = optionsOf(100, 20);
    const first: PlanShape = { generation: 1, fromMs: 0, members: ['a', 'b'] };
    const plans = [{ generation: 0, fromMs: 0, members: ['a', 'b'] }, first, planWithout(first, ['b'], 9_000)];
    const accounts = new WorkerAccounts();
    accounts.sealed('a', 0, 20_000);
    accounts.sealed('b', 0, 7_000);
    accounts.series('a', 0, counter('iterations_started', 450 + 1_100, { scenario: 'buy' }));
    accounts.series('b', 0, counter('iterations_started', 340, { scenario: 'buy' }));
    accounts.series('b', 0, counter('dropped_iterations', 10, { scenario: 'buy', reason: 'no_vu' }));
    const members = [member('a'), member('b', { state: 'lost' })];
    const coverage = of({ options, plans, members, endedAtMs: 20_400 }, accounts, ['a']);
    expect(coverage.gaps).toEqual([
      { agent: 'b', worker: 0, fromMs: 7_000, toMs: 9_000, why: 'agent lost', unknownSlots: 100 },
    ]);
    expect(coverage.slots).toEqual({ buy: { planned: 2_000, started: 1_890, dropped: { no_vu: 10 }, unknown: 100 } });
    expect(coverage.ratio).toBeCloseTo(27 / 29);
    expect(coverage.complete).toBe(false);
  });

  it('counts what was due after the end of an ended run as dropped', () => {
    const options = optionsOf(10, 10);
    const plans: PlanShape[] = [{ generation: 1, fromMs: 0, members: ['a'] }];
    const accounts = new WorkerAccounts();
    accounts.sealed('a', 0, 3_000);
    accounts.series('a', 0, counter('iterations_started', 30, { scenario: 'buy' }));
    const coverage = of({ options, plans, members: [member('a', { state: 'lost' })], endedAtMs: 4_000 }, accounts, []);
    expect(coverage.slots?.buy).toEqual({ planned: 100, started: 30, dropped: { run_ended: 60 }, unknown: 10 });
    expect(coverage.gaps).toMatchObject([{ fromMs: 3_000, toMs: 4_000, unknownSlots: 10 }]);
  });

  it('always adds up: planned = started + dropped + unknown, over any losses', () => {
    const loss = fc.record({ who: fc.integer({ min: 0, max: 3 }), atMs: fc.integer({ min: 1_000, max: 9_000 }) });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(loss, { maxLength: 3 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (rate, workers, losses, share) => {
          const options = optionsOf(rate, 10);
          const [scenario] = options.scenarios;
          if (scenario === undefined || !isArrival(scenario)) throw new Error('no schedule');
          const schedule = scheduleOf(scenario);
          const ids = ['a', 'b', 'c', 'd'];
          const plans: PlanShape[] = [{ generation: 1, fromMs: 0, members: ids }];
          const lost = new Set<string>();
          for (const { who, atMs } of [...losses].sort((x, y) => x.atMs - y.atMs)) {
            const id = ids[who] as string;
            const last = plans.at(-1) as PlanShape;
            if (lost.has(id) || atMs <= last.fromMs) continue;
            lost.add(id);
            plans.push(planWithout(last, [id], atMs));
          }
          const accounts = new WorkerAccounts();
          for (const [place, id] of ids.entries()) {
            for (let worker = 0; worker < workers; worker += 1) {
              const stripe = workerStripe(agentStripe(place, 4), worker, workers);
              const due = countSlots(schedule, stripe, 0, 1_000_000);
              const started = Math.floor(due * share);
              accounts.sealed(id, worker, 1_000);
              accounts.series(id, worker, counter('iterations_started', started, { scenario: 'buy' }));
              const dropped = { scenario: 'buy', reason: 'late' };
              accounts.series(id, worker, counter('dropped_iterations', due - started, dropped));
            }
          }
          const members = ids.map((id) => member(id, { workers, state: lost.has(id) ? 'lost' : 'ended' }));
          const coverage = of({ options, plans, members, endedAtMs: 10_000 }, accounts, []);
          const slots = coverage.slots?.buy;
          if (slots === undefined) throw new Error('no slots');
          const dropped = Object.values(slots.dropped).reduce((sum, count) => sum + count, 0);
          expect(slots.planned).toBe(schedule.slots);
          expect(slots.started + dropped + slots.unknown).toBe(slots.planned);
          expect(coverage.gaps.reduce((sum, gap) => sum + gap.unknownSlots, 0)).toBe(slots.unknown);
          expect(coverage.ratio).toBeGreaterThan(0);
          expect(coverage.ratio).toBeLessThan(1);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('names the second that each worker had open when its agent was cut off, those that sealed nothing too', () => {
    const plans: PlanShape[] = [{ generation: 1, fromMs: 0, members: ['a'] }];
    const accounts = new WorkerAccounts();
    accounts.sealed('a', 0, 3_000);
    accounts.gap('a', EVERY_WORKER, { fromMs: 0, toMs: 0, why: 'killed' });
    const members = [member('a', { workers: 2 })];
    // More was started than the run's end would have it: nothing is unknown, and still a second is missing.
    const coverage = of({ options: null, plans, members, endedAtMs: 2_000 }, accounts, ['a']);
    expect(coverage.gaps).toEqual([
      { agent: 'a', worker: 0, fromMs: 3_000, toMs: 4_000, why: 'killed', unknownSlots: 0 },
      { agent: 'a', worker: 1, fromMs: 0, toMs: 1_000, why: 'killed', unknownSlots: 0 },
    ]);
    expect(coverage).toMatchObject({ complete: false, ratio: 3 / 5 });
  });

  it('never keeps silent about starts that are missing without a gap', () => {
    const plans: PlanShape[] = [{ generation: 1, fromMs: 0, members: ['a'] }];
    const accounts = new WorkerAccounts();
    accounts.sealed('a', 0, 10_000);
    accounts.series('a', 0, counter('iterations_started', 99, { scenario: 'buy' }));
    const facts: RunFacts = { options: optionsOf(10, 10), plans, members: [member('a')], endedAtMs: 10_100 };
    expect(of(facts, accounts, ['a'])).toMatchObject({
      complete: false,
      gaps: [{ why: 'starts that nobody accounted for', unknownSlots: 1 }],
    });
  });
});
