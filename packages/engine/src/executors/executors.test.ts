import { type PlanShape, type ResolvedScenario, resolveOptions, vusAt } from '@muster/plan';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AuthorPlaces } from '../author-place.js';
import { toMachineMs } from '../clock.js';
import { type AuthorFunction, IterationRunner } from '../load/iteration-runner.js';
import { LoadGate } from '../load/load-gate.js';
import { RunClock } from '../load/run-clock.js';
import { ScenarioContext } from '../load/scenario-context.js';
import { ShareLine } from '../load/share-line.js';
import { VirtualUser } from '../load/virtual-user.js';
import { Pacer, TimerSource } from '../pace/pacer.js';
import { Recorder } from '../record/recorder.js';
import { RightToLoad } from '../right-to-load.js';
import { makeRun } from './index.js';
import type { ScenarioRun } from './scenario-host.js';

beforeEach(() => {
  vi.useFakeTimers({
    toFake: [
      'setTimeout',
      'clearTimeout',
      'setInterval',
      'clearInterval',
      'setImmediate',
      'clearImmediate',
      'performance',
    ],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

/** One claim book for all agents of a test: plain counting. */
const makeBook = (total: number) => {
  let next = 0;
  return (count: number) => {
    const from = next;
    const given = Math.min(count, total - next);
    next += given;
    return Promise.resolve({ from, count: given, exhausted: given === 0 });
  };
};

const scenarioOf = (fields: object, more: object = {}): { scenario: ResolvedScenario; maxLatenessMs: number } => {
  const resolved = resolveOptions({ scenarios: { it: fields }, ...more });
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.faults));
  return { scenario: resolved.options.scenarios[0] as ResolvedScenario, maxLatenessMs: resolved.options.maxLatenessMs };
};
const takes =
  (ms: number): AuthorFunction =>
  () =>
    new Promise((resolve) => setTimeout(resolve, ms));

interface AgentOptions {
  readonly agent?: string;
  readonly members?: readonly string[];
  readonly book?: ReturnType<typeof makeBook>;
  readonly options?: object;
}

/** A scenario at work on one agent with one worker, in fake time. */
class FakeAgent {
  readonly right = new RightToLoad();
  readonly clock = new RunClock();
  readonly slots: number[] = [];
  readonly starts: {
    readonly slot: number;
    readonly intendedMs: number;
    readonly atMs: number;
    readonly vu: number;
  }[] = [];
  readonly drops: Record<string, number> = {};
  readonly run: ScenarioRun;
  readonly runner: IterationRunner;
  readonly recorder: Recorder;
  active = 0;
  readonly #gate = new LoadGate(this.right);
  readonly #shares: ShareLine;

  constructor(fields: object, fn: AuthorFunction, given: AgentOptions = {}) {
    const { agent = 'a', members = ['a'], book = makeBook(0), options = {} } = given;
    const { scenario, maxLatenessMs } = scenarioOf(fields, options);
    this.recorder = new Recorder({ rowsPerSecond: 0, onSealed: () => undefined, beforeSeal: () => undefined });
    this.#shares = new ShareLine(scenario, { agent, worker: 0, workers: 1 });
    const startAt = toMachineMs(performance.now());
    this.clock.begin(startAt);
    this.plan({ generation: 1, fromMs: 0, members });
    this.right.grant(1, Number.MAX_SAFE_INTEGER);
    const context = new ScenarioContext(
      {
        name: 'it',
        executor: scenario.executor,
        tags: {},
        env: {},
        sharedConnections: false,
        keepCookies: true,
        keepConnections: true,
        seed: 1,
      },
      this.recorder,
      {},
    );
    this.runner = new IterationRunner({
      as: (user, call, argument) => {
        if (user.intendedUs >= 0) {
          this.slots.push(user.iterationInTest);
          this.starts.push({
            slot: user.iterationInTest,
            intendedMs: user.intendedUs / 1_000,
            atMs: this.clock.now(),
            vu: user.id,
          });
        }
        return call(argument);
      },
      back: () => undefined,
      places: new AuthorPlaces('/nowhere'),
      clock: this.clock,
      data: () => undefined,
      lastTurnMs: () => performance.now(),
      minIterationMs: 0,
    });
    this.run = makeRun(scenario, {
      context,
      runner: this.runner,
      gate: this.#gate,
      clock: this.clock,
      pacer: new Pacer((wake) => new TimerSource(wake)),
      shares: this.#shares,
      fn,
      maxLatenessMs,
      makeUser: (generation, index) => new VirtualUser(generation * 1_000 + index, index, context),
      noteVus: (change) => {
        this.active += change;
      },
      drop: (reason, count) => {
        if (count > 0) this.drops[reason] = (this.drops[reason] ?? 0) + count;
      },
      claim: book,
    });
  }

  plan(plan: PlanShape): void {
    this.#gate.hold(plan.generation);
    this.#shares.add(plan);
    if (plan.generation > 1) this.run.replan();
  }
  get dropped(): number {
    return Object.values(this.drops).reduce((sum, each) => sum + each, 0);
  }
}

/** Lets fake time pass until the runs have ended, or for so long. */
const finish = async (agents: readonly FakeAgent[], maxMs = 120_000): Promise<void> => {
  let left = agents.length;
  for (const agent of agents)
    void agent.run.run().then(() => {
      left -= 1;
    });
  for (let passed = 0; left > 0 && passed < maxMs; passed += 50) await vi.advanceTimersByTimeAsync(50);
  expect(left, 'runs that did not end').toBe(0);
};

describe('constant-vus', () => {
  it('keeps so many users busy, split over the agents', async () => {
    const members = ['a', 'b', 'c'];
    const agents = members.map(
      (agent) => new FakeAgent({ executor: 'constant-vus', vus: 7, duration: '1s' }, takes(100), { agent, members }),
    );
    await finish(agents);
    expect(agents.map((agent) => agent.runner.completed)).toEqual([30, 20, 20]);
    expect(agents.map((agent) => agent.active)).toEqual([0, 0, 0]);
  });

  it('cuts off what outlives the graceful stop, and counts it', async () => {
    const agent = new FakeAgent(
      { executor: 'constant-vus', vus: 2, duration: '1s', gracefulStop: '2s' },
      takes(10_000),
    );
    await finish([agent], 4_000);
    expect(agent.runner.completed).toBe(0);
    expect(agent.runner.interrupted).toBe(2);
  });

  it('takes over the users of an agent that is lost, at the instant of the plan', async () => {
    const agent = new FakeAgent({ executor: 'constant-vus', vus: 6, duration: '4s' }, takes(100), {
      members: ['a', 'b'],
    });
    void agent.run.run();
    await vi.advanceTimersByTimeAsync(1_000);
    agent.plan({ generation: 2, fromMs: 2_000, members: ['a'] });
    await vi.advanceTimersByTimeAsync(950);
    expect(agent.active).toBe(3);
    await vi.advanceTimersByTimeAsync(100);
    expect(agent.active).toBe(6);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(agent.active).toBe(0);
  });

  it('starts nothing without the right to load', async () => {
    const agent = new FakeAgent({ executor: 'constant-vus', vus: 2, duration: '3s' }, takes(100));
    agent.right.grant(1, toMachineMs(performance.now()) + 1_000);
    void agent.run.run();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(agent.runner.completed).toBe(20);
    agent.right.grant(2, Number.MAX_SAFE_INTEGER);
    await vi.advanceTimersByTimeAsync(500);
    expect(agent.runner.completed, 'a grant for a plan that is not held').toBe(20);
    agent.right.grant(1, Number.MAX_SAFE_INTEGER);
    await vi.advanceTimersByTimeAsync(510);
    expect(agent.runner.completed).toBeGreaterThanOrEqual(28);
  });
});

describe('ramping-vus', () => {
  it('has at each instant the users that the ramp says', async () => {
    const fields = {
      executor: 'ramping-vus',
      startVUs: 2,
      stages: [
        { duration: '1s', target: 10 },
        { duration: '500ms', target: 10 },
        { duration: '1s', target: 0 },
      ],
    };
    const { scenario } = scenarioOf(fields);
    const agent = new FakeAgent(fields, takes(1));
    void agent.run.run();
    for (let at = 55; at < 2_500; at += 50) {
      await vi.advanceTimersByTimeAsync(at - agent.clock.now());
      // Whoever was told to end may be in its last millisecond.
      await vi.advanceTimersByTimeAsync(2);
      if (scenario.executor === 'ramping-vus')
        expect(agent.active, `at ${at}`).toBe(vusAt(scenario, agent.clock.now()));
    }
    await vi.advanceTimersByTimeAsync(1_000);
    expect(agent.active).toBe(0);
  });

  it('cuts off after the graceful ramp down, not before', async () => {
    const agent = new FakeAgent(
      {
        executor: 'ramping-vus',
        startVUs: 4,
        stages: [
          { duration: '900ms', target: 1 },
          { duration: '9s', target: 1 },
        ],
        gracefulRampDown: '2s',
        gracefulStop: '1s',
      },
      takes(60_000),
    );
    void agent.run.run();
    await vi.advanceTimersByTimeAsync(2_250);
    expect(agent.runner.interrupted).toBe(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(agent.runner.interrupted).toBe(3);
    await vi.advanceTimersByTimeAsync(7_000);
    expect(agent.active).toBe(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(agent.active).toBe(0);
    expect(agent.runner.interrupted).toBe(4);
  });
});

describe('per-vu-iterations', () => {
  it('runs so many with each user', async () => {
    const agent = new FakeAgent({ executor: 'per-vu-iterations', vus: 3, iterations: 5 }, takes(10));
    await finish([agent]);
    expect(agent.runner.completed).toBe(15);
    expect(agent.drops).toEqual({});
  });

  it('counts what its longest duration left over', async () => {
    const agent = new FakeAgent(
      { executor: 'per-vu-iterations', vus: 2, iterations: 100, maxDuration: '1s' },
      takes(100),
    );
    await finish([agent]);
    expect(agent.runner.completed + agent.dropped).toBe(200);
    expect(agent.drops.duration).toBe(180);
  });

  it('ends with a plan that has no place for the agent', async () => {
    const agent = new FakeAgent({ executor: 'per-vu-iterations', vus: 2, iterations: 100 }, takes(100), {
      members: ['a', 'b'],
    });
    void agent.run.run();
    await vi.advanceTimersByTimeAsync(500);
    agent.plan({ generation: 2, fromMs: 1_000, members: ['b'] });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(agent.active).toBe(0);
    expect(agent.runner.completed).toBeLessThanOrEqual(11);
    expect(agent.drops).toEqual({ lease: 100 - agent.runner.completed });
  });
});

describe('shared-iterations', () => {
  it('runs exactly so many, whoever is faster', async () => {
    const book = makeBook(1_001);
    const members = ['a', 'b', 'c'];
    const agents = members.map(
      (agent, index) =>
        new FakeAgent({ executor: 'shared-iterations', vus: 7, iterations: 1_001 }, takes(5 + index * 20), {
          agent,
          members,
          book,
        }),
    );
    await finish(agents);
    expect(agents.reduce((sum, agent) => sum + agent.runner.completed, 0)).toBe(1_001);
    expect(agents[0]?.runner.completed).toBeGreaterThan(agents[2]?.runner.completed ?? 0);
  });

  it('asks again when a question fails, and counts what it claimed and could not begin', async () => {
    const book = makeBook(100_000);
    let asked = 0;
    const flaky = (count: number) => {
      asked += 1;
      return asked % 2 === 1 ? Promise.reject(new Error('no answer')) : book(count);
    };
    const agent = new FakeAgent(
      { executor: 'shared-iterations', vus: 2, iterations: 100_000, maxDuration: '2s' },
      takes(10),
      { book: flaky },
    );
    await finish([agent]);
    expect(agent.runner.completed).toBeGreaterThan(100);
    expect(agent.drops.duration).toBeGreaterThan(0);
  });
});

describe('arrival rates', () => {
  const CONSTANT = { executor: 'constant-arrival-rate', rate: 100, duration: '2s', preAllocatedVUs: 50 };

  it('start every slot when it is due, never before', async () => {
    const agent = new FakeAgent(CONSTANT, takes(30));
    await finish([agent]);
    expect(agent.slots).toEqual(Array.from({ length: 200 }, (_, slot) => slot));
    for (const { intendedMs, atMs, slot } of agent.starts) {
      expect(intendedMs).toBe(slot * 10);
      expect(atMs).toBeGreaterThanOrEqual(intendedMs);
      expect(atMs).toBeLessThan(intendedMs + 2);
    }
  });

  it('drop what no user is free for', async () => {
    const agent = new FakeAgent({ ...CONSTANT, preAllocatedVUs: 2, maxVUs: 3 }, takes(100));
    await finish([agent]);
    expect(agent.slots.length + agent.dropped).toBe(200);
    expect(agent.drops.no_vu).toBe(agent.dropped);
    expect(new Set(agent.starts.map(({ vu }) => vu)).size).toBe(3);
  });

  it('drop what is too late after the right to load was away, and say why', async () => {
    const agent = new FakeAgent(CONSTANT, takes(1), { options: { maxLateness: '200ms' } });
    agent.right.grant(1, toMachineMs(performance.now()) + 500);
    const ended = agent.run.run();
    await vi.advanceTimersByTimeAsync(1_500);
    expect(agent.slots).toHaveLength(50);
    agent.right.grant(1, Number.MAX_SAFE_INTEGER);
    await vi.advanceTimersByTimeAsync(3_000);
    await ended;
    expect(agent.slots.length + agent.dropped).toBe(200);
    expect(agent.drops).toEqual({ lease: agent.dropped });
    expect(agent.dropped).toBeGreaterThanOrEqual(80);
    expect(agent.dropped).toBeLessThanOrEqual(81);
  });

  it('leave to others what a plan without this agent takes away, even while there is no right', async () => {
    const agent = new FakeAgent(CONSTANT, takes(1), { members: ['a', 'b'] });
    agent.right.grant(1, toMachineMs(performance.now()) + 500);
    const ended = agent.run.run();
    await vi.advanceTimersByTimeAsync(700);
    agent.plan({ generation: 2, fromMs: 1_000, members: ['b'] });
    await vi.advanceTimersByTimeAsync(1_000);
    await ended;
    expect(agent.slots).toHaveLength(25);
    expect(agent.drops).toEqual({ lease: 25 });
  });

  it('count what a stop left over', async () => {
    const agent = new FakeAgent(CONSTANT, takes(1));
    const ended = agent.run.run();
    await vi.advanceTimersByTimeAsync(505);
    agent.run.stop();
    await vi.advanceTimersByTimeAsync(100);
    await ended;
    expect(agent.slots).toHaveLength(51);
    expect(agent.drops).toEqual({ stopped: 149 });
  });

  it('start each slot of the cluster exactly once, whatever plans follow each other', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.record({ afterMs: fc.integer({ min: 50, max: 700 }), lost: fc.nat(3) }), { maxLength: 3 }),
      fc.constantFrom<object>(CONSTANT, {
        executor: 'ramping-arrival-rate',
        startRate: 10,
        stages: [
          { duration: '1s', target: 150 },
          { duration: '1s', target: 20 },
        ],
        preAllocatedVUs: 50,
      }),
      async (count, losses, fields) => {
        const members = names.slice(0, count);
        const agents = members.map((agent) => new FakeAgent(fields, takes(5), { agent, members }));
        const plans: PlanShape[] = [];
        let left: readonly string[] = members;
        let fromMs = 0;
        for (const { afterMs, lost } of losses) {
          const gone = left[lost % left.length];
          if (left.length === 1 || gone === undefined) break;
          left = left.filter((each) => each !== gone);
          fromMs += afterMs;
          plans.push({ generation: plans.length + 2, fromMs, members: left });
        }
        for (const agent of agents) for (const plan of plans) agent.plan(plan);
        for (const agent of agents) agent.right.grant(99, 0);
        for (const agent of agents) agent.right.grant(plans.length + 1, Number.MAX_SAFE_INTEGER);
        await finish(agents, 10_000);
        const started = agents.flatMap((agent) => agent.slots).sort((one, other) => one - other);
        expect(agents.map((agent) => agent.dropped)).toEqual(agents.map(() => 0));
        expect(started).toEqual(Array.from({ length: started.length }, (_, slot) => slot));
        expect(started.length).toBe(fields === CONSTANT ? 200 : 165);
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });
});
