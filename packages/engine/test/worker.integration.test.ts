import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CountingTarget, startCountingTarget } from './support/counting-target.js';
import { FakeHost, type HostOptions } from './support/fake-host.js';

let target: CountingTarget;
const hosts: FakeHost[] = [];
beforeAll(async () => {
  target = await startCountingTarget();
});
afterAll(() => target.close());
afterEach((context) => {
  for (const host of hosts.splice(0)) {
    if (context.task.result?.state === 'fail') console.error(host.output, host.all('fault'), host.errors);
    host.kill();
  }
  target.served.clear();
  target.arrivals.length = 0;
});
const host = (given: HostOptions): FakeHost => {
  const made = new FakeHost({
    ...given,
    env: { URL: target.url, ...given.env },
  });
  hosts.push(made);
  return made;
};
const GET = `export default async function () { await http.get(__ENV.URL + '/delay?ms=5'); }`;
const scenario = (fields: object) => ({ scenarios: { it: fields } });

describe('each executor reports exactly what the target counted', () => {
  const cases: Readonly<
    Record<
      string,
      {
        readonly fields: object;
        readonly exactly?: number;
        readonly slots?: number;
      }
    >
  > = {
    'constant-vus': {
      fields: { executor: 'constant-vus', vus: 4, duration: '1200ms' },
    },
    'ramping-vus': {
      fields: {
        executor: 'ramping-vus',
        startVUs: 1,
        stages: [
          { duration: '800ms', target: 6 },
          { duration: '800ms', target: 1 },
        ],
      },
    },
    'per-vu-iterations': {
      fields: { executor: 'per-vu-iterations', vus: 5, iterations: 11 },
      exactly: 55,
    },
    'shared-iterations': {
      fields: { executor: 'shared-iterations', vus: 5, iterations: 301 },
      exactly: 301,
    },
    'constant-arrival-rate': {
      fields: {
        executor: 'constant-arrival-rate',
        rate: 200,
        duration: '1500ms',
        preAllocatedVUs: 20,
      },
      slots: 300,
    },
    'ramping-arrival-rate': {
      fields: {
        executor: 'ramping-arrival-rate',
        stages: [{ duration: '1500ms', target: 200 }],
        preAllocatedVUs: 20,
      },
      slots: 150,
    },
  };
  it.each(Object.keys(cases))('%s', async (name) => {
    const each = cases[name];
    const worker = host({ code: GET, options: scenario(each?.fields ?? {}) });
    expect((await worker.run()).outcome).toBe('done');
    const served = target.total();
    expect(served).toBeGreaterThan(0);
    for (const metric of ['http_reqs', 'iterations', 'started', 'sent', 'answered', 'iterations_started'])
      expect(worker.count(metric), metric).toBe(served);
    expect(worker.values('http_req_duration')).toBe(served);
    expect(worker.rows).toHaveLength(served);
    expect(worker.windows.reduce((sum, window) => sum + window.rows.measured, 0)).toBe(served);
    if (each?.exactly !== undefined) expect(served).toBe(each.exactly);
    if (each?.slots !== undefined) {
      expect(served + worker.count('dropped_iterations')).toBe(each.slots);
      for (const row of worker.rows) {
        expect(row.intended_us).toBeGreaterThanOrEqual(0);
        expect(row.started_us).toBeGreaterThanOrEqual(row.intended_us as number);
      }
    }
  });
});

describe('windows', () => {
  it('follow each other without a hole, empty seconds too', async () => {
    const worker = host({
      code: `export default async function () { await sleep(2.3); }`,
      options: { vus: 1, iterations: 1 },
    });
    await worker.run();
    const seconds = worker.windows.map((window) => window.second);
    expect(seconds).toEqual(seconds.map((_, index) => index));
    expect(seconds.length).toBeGreaterThanOrEqual(3);
    worker.windows.slice(0, -1).forEach((window, index) => {
      expect(window.sealedToMs).toBe((index + 1) * 1_000);
    });
  });
});

describe('the right to load', () => {
  it('is needed to start anything, and what passed without it is counted as dropped', async () => {
    const worker = host({
      code: GET,
      options: scenario({
        executor: 'constant-arrival-rate',
        rate: 100,
        duration: '3s',
        preAllocatedVUs: 10,
      }),
    });
    await worker.ready();
    worker.start(undefined, false);
    await worker.until(() => worker.windows.length >= 2);
    expect(target.total()).toBe(0);
    worker.resumeGranting();
    await worker.first('done');
    await worker.end();
    expect(worker.count('dropped_iterations', { reason: 'lease' })).toBeGreaterThan(0);
    expect(worker.count('iterations') + worker.count('dropped_iterations')).toBe(300);
    expect(worker.count('iterations')).toBe(target.total());
  });

  it('ends with a plan without this agent: its slots up to that instant are counted, later ones are not', async () => {
    const worker = host({
      code: GET,
      options: scenario({
        executor: 'constant-arrival-rate',
        rate: 100,
        duration: '10s',
        preAllocatedVUs: 10,
      }),
    });
    await worker.ready();
    worker.start();
    await worker.until(() => target.total() >= 50);
    worker.stopGranting();
    await worker.until(() => worker.windows.length >= 3);
    worker.plan(2, 4_000, ['agent-b']);
    expect((await worker.first('done')).outcome).toBe('done');
    await worker.end();
    expect(worker.count('iterations') + worker.count('dropped_iterations')).toBe(400);
    expect(worker.count('iterations')).toBe(target.total());
  });

  it('moves to the stripe of the next plan at its instant', async () => {
    const worker = host({
      code: GET,
      options: scenario({
        executor: 'constant-arrival-rate',
        rate: 100,
        duration: '3s',
        preAllocatedVUs: 10,
      }),
    });
    await worker.ready(['agent-a', 'agent-b']);
    worker.start(['agent-a', 'agent-b']);
    await worker.until(() => target.total() >= 10);
    worker.plan(2, 2_000, ['agent-a']);
    await worker.first('done');
    await worker.end();
    expect(worker.count('iterations') + worker.count('dropped_iterations')).toBe(100 + 100);
  });

  it('moves users of a lost agent over', async () => {
    const worker = host({ code: GET, options: { vus: 6, duration: '3s' } });
    await worker.ready(['agent-a', 'agent-b']);
    worker.start(['agent-a', 'agent-b']);
    await worker.until(() => worker.windows.length >= 1);
    worker.plan(2, 1_500, ['agent-a']);
    await worker.first('done');
    await worker.end();
    const vus = worker.rows.map((row) => row.vu);
    expect(new Set(vus.slice(0, 20)).size).toBe(3);
    expect(new Set(vus).size).toBe(6);
  });
});

describe('what the author writes', () => {
  it('throws in some iterations: they are counted and grouped by line, and the run goes on', async () => {
    const worker = host({
      code: `
export default function () {
  if (__ITER % 2 === 1) throw new TypeError('odd');
}`,
      options: scenario({
        executor: 'per-vu-iterations',
        vus: 2,
        iterations: 10,
      }),
    });
    expect((await worker.run()).outcome).toBe('done');
    expect(worker.count('iterations')).toBe(20);
    expect(worker.count('iterations_failed')).toBe(10);
    const total = worker.errors.reduce((sum, each) => sum + each.count, 0);
    expect(total).toBe(10);
    expect(worker.errors[0]).toMatchObject({
      code: 'SCRIPT_EXCEPTION',
      message: 'TypeError: odd',
      scenario: 'it',
    });
    expect(worker.errors[0]?.where).toMatch(/^test\.ts:3:\d+$/);
  });

  it('never awaits: timers, grants and windows go on all the same', async () => {
    const worker = host({
      code: `let n = 0; export default function () { n += Math.sqrt(__ITER); }`,
      options: { vus: 20, duration: '2500ms' },
    });
    expect((await worker.run()).outcome).toBe('done');
    expect(worker.windows.length).toBeGreaterThanOrEqual(3);
    const begun = worker.news.findIndex((each) => each.type === 'window');
    const end = worker.news.findIndex((each) => each.type === 'done');
    expect(worker.news.slice(begun, end).some((each) => each.type === 'stats')).toBe(true);
  });

  it('blocks: the watchdog says at which line and ends the process', async () => {
    const worker = host({
      code: `
export default function () {
  for (;;) { Math.sqrt(2); }
}`,
      options: { vus: 1, duration: '60s' },
      processEnv: { MUSTER_HANG_MS: '700' },
    });
    await worker.ready();
    worker.start();
    expect(await worker.exited).toMatchObject({ signal: 'SIGKILL' });
    const hang = worker.lines.find((line) => 'hang' in line);
    expect(hang).toMatchObject({
      hang: { where: expect.stringMatching(/^file:.*bundle\.mjs:5:\d+$/) },
    });
  });

  it('calls process.exit: told with the line', async () => {
    const worker = host({
      code: `
export default function () {
  process.exit(3);
}`,
      options: { vus: 1, iterations: 1 },
    });
    await worker.ready();
    worker.start();
    const { fault, fatal } = await worker.first('fault');
    expect(fatal).toBe(true);
    expect(fault).toMatchObject({
      code: 'SCRIPT_EXIT',
      phase: 'run',
      where: expect.stringMatching(/^test\.ts:3:\d+$/),
    });
    await worker.exited;
  });

  it('throws while it is loaded: told with the line', async () => {
    const worker = host({ code: `\nthrow new Error('no way');` });
    void worker.load().catch(() => undefined);
    expect((await worker.first('fault')).fault).toMatchObject({
      phase: 'prepare',
      code: 'SCRIPT_EXCEPTION',
      message: expect.stringContaining('no way'),
      where: expect.stringMatching(/^test\.ts:2:\d+$/),
    });
  });

  it('was bundled for another version of the runtime: refused', async () => {
    const worker = host({
      code: '',
      bundle: `// muster-bundle {"format":1,"script":"9.9.9","name":"t.ts"}\nexport default () => {};`,
    });
    void worker.load().catch(() => undefined);
    expect((await worker.first('fault')).fault).toMatchObject({
      code: 'SCRIPT_VERSION',
      phase: 'prepare',
    });
  });

  it('gives values from setup to every user, and none can change them for another', async () => {
    const worker = host({
      code: `
        export function setup() { return { list: [1, 2, 3], when: new Date(0) }; }
        export default function (data) {
          check(data, { 'is whole': (d) => d.list.length === 3 && d.when === '1970-01-01T00:00:00.000Z' });
          try { data.list.push(4); } catch { }
        }`,
      options: { vus: 2, iterations: 20 },
    });
    await worker.load();
    const loaded = await worker.first('loaded');
    expect(loaded.functions).toEqual(expect.arrayContaining(['setup', 'default']));
    worker.tell({
      type: 'plan',
      generation: 0,
      fromMs: 0,
      startAt: null,
      members: ['agent-a'],
      options: worker.resolve(),
    });
    worker.tell({
      type: 'call',
      fn: 'setup',
      data: undefined,
      timeoutMs: 5_000,
    });
    const { value } = await worker.first('called');
    expect(value).toEqual({
      list: [1, 2, 3],
      when: '1970-01-01T00:00:00.000Z',
    });
    worker.tell({ type: 'data', data: value });
    await worker.first('ready');
    worker.start();
    await worker.first('done');
    await worker.end();
    const checks = [...worker.series].filter((each) => each.metric === 'checks');
    expect(checks.map((each) => each.sink)).toMatchObject([{ passes: 20, total: 20 }]);
  });

  it('checks a promise, or with one: that did not hold, and why is told', async () => {
    const worker = host({
      code: `
        export default async function () {
          check(Promise.resolve(1), { 'forgot to await': () => true });
          check(1, { 'asks later': async () => { throw new Error('nobody waits for this'); } });
          check({ then: 1 }, { 'is no promise': (it) => it.then === 1 });
        }`,
      options: { vus: 1, iterations: 3 },
    });
    expect((await worker.run()).outcome).toBe('done');
    const checks = [...worker.series].filter((each) => each.metric === 'checks');
    const counts = checks.map(({ tags, sink }) => [tags.check, 'passes' in sink ? sink.passes : null]);
    expect(Object.fromEntries(counts)).toEqual({ 'forgot to await': 0, 'asks later': 0, 'is no promise': 3 });
    const told = worker.errors.filter(({ code }) => code === 'CHECK_THREW').map(({ message }) => message);
    expect(new Set(told)).toEqual(
      new Set([
        'check "forgot to await": it was given a promise: await the request, and check what that gives',
        'check "asks later": it answers with a promise: await before the check, which takes an answer at once',
      ]),
    );
    expect(worker.count('iterations_failed')).toBe(0);
  });

  it('makes requests in setup and teardown: counted too', async () => {
    const worker = host({
      code: `
        const get = () => http.get(__ENV.URL + '/');
        export async function setup() { await get(); await get(); }
        export async function teardown() { await get(); }
        export default get;`,
      options: { vus: 1, iterations: 4 },
    });
    await worker.load();
    worker.tell({
      type: 'plan',
      generation: 0,
      fromMs: 0,
      startAt: null,
      members: ['agent-a'],
      options: worker.resolve(),
    });
    worker.tell({
      type: 'call',
      fn: 'setup',
      data: undefined,
      timeoutMs: 5_000,
    });
    await worker.until(() => worker.all('called').length === 1);
    worker.tell({ type: 'data', data: undefined });
    await worker.first('ready');
    worker.start();
    await worker.first('done');
    worker.tell({
      type: 'call',
      fn: 'teardown',
      data: undefined,
      timeoutMs: 5_000,
    });
    await worker.until(() => worker.all('called').length === 2);
    await worker.end();
    expect(target.total()).toBe(7);
    expect(worker.count('http_reqs')).toBe(7);
    expect(worker.count('http_reqs', { group: '::setup' })).toBe(2);
    expect(worker.count('http_reqs', { group: '::teardown' })).toBe(1);
  });

  it('works in groups side by side: each request belongs to its own', async () => {
    const worker = host({
      code: `
        const get = (path) => http.get(__ENV.URL + path, { tags: { name: path } });
        export default async function () {
          await Promise.all([
            group('a', async () => { await get('/a'); await group('inner', () => get('/a/inner')); }),
            group('b', async () => { await sleep(0.01); await get('/b'); }),
          ]);
          await get('/outside');
        }`,
      options: scenario({
        executor: 'per-vu-iterations',
        vus: 2,
        iterations: 5,
      }),
    });
    await worker.run();
    for (const [name, group] of [
      ['/a', '::a'],
      ['/a/inner', '::a::inner'],
      ['/b', '::b'],
      ['/outside', ''],
    ] as const)
      expect(worker.count('http_reqs', { name, group }), name).toBe(10);
    expect(worker.values('group_duration')).toBe(30);
  });

  it('awaits promises of others: each call still belongs to its own user', async () => {
    const worker = host({
      code: `
        let shared;
        export default async function () {
          shared ??= new Promise((resolve) => setTimeout(() => resolve(7), 50));
          const mine = __VU;
          await shared;
          check(__VU, { 'is still me': (vu) => vu === mine });
          await new Promise((resolve) => setTimeout(resolve, 5));
          check(exec.vu.idInTest, { 'is still me': (vu) => vu === mine });
        }`,
      options: scenario({
        executor: 'per-vu-iterations',
        vus: 8,
        iterations: 3,
      }),
    });
    await worker.run();
    const [checks] = [...worker.series].filter((each) => each.metric === 'checks');
    expect(checks?.sink).toMatchObject({ passes: 48, total: 48 });
  });

  it('goes on after its graceful stop: cut off, counted as interrupted, and what it still does leads nowhere', async () => {
    const worker = host({
      code: `
        const late = new Counter('late');
        export default async function () {
          await http.get(__ENV.URL + '/before');
          await new Promise((resolve) => setTimeout(resolve, 4000));
          late.add(1);
          await http.get(__ENV.URL + '/after');
        }`,
      options: scenario({
        executor: 'constant-vus',
        vus: 2,
        duration: '2s',
        gracefulStop: '200ms',
      }),
    });
    await worker.run();
    expect(worker.count('iterations_started')).toBe(2);
    expect(worker.count('iterations_interrupted')).toBe(2);
    expect(worker.count('iterations')).toBe(0);
    expect(target.served.get('/before')).toBe(2);
    expect(target.served.get('/after')).toBeUndefined();
    expect(worker.count('late')).toBe(0);
  });

  it('has requests in flight when it is cut off: sent, not answered', async () => {
    const worker = host({
      code: `export default async function () { await http.get(__ENV.URL + '/hang'); }`,
      options: scenario({
        executor: 'constant-vus',
        vus: 3,
        duration: '2s',
        gracefulStop: '100ms',
      }),
    });
    await worker.run();
    expect(worker.count('sent')).toBe(3);
    expect(worker.count('answered')).toBe(0);
    expect(worker.count('iterations_interrupted')).toBe(3);
  });

  it('asks where it is', async () => {
    const worker = host({
      code: `
        export const options = { scenarios: { one: { executor: 'per-vu-iterations', vus: 2, iterations: 2, exec: 'run', env: { X: 'y' }, tags: { kind: 'k' } } } };
        export function run() {
          check(exec, {
            'scenario': (e) => e.scenario.name === 'one' && e.scenario.executor === 'per-vu-iterations',
            'user': (e) => e.vu.idInTest === __VU && e.vu.iterationInScenario === __ITER,
            'agent': (e) => e.agent.id === 'agent-a' && e.agent.labels.zone === 'a',
            'env': () => __ENV.X === 'y' && __ENV.URL !== undefined,
          });
        }`,
    });
    await worker.run();
    const checks = [...worker.series].filter((each) => each.metric === 'checks');
    expect(checks).toHaveLength(4);
    for (const each of checks) {
      expect(each.sink, each.tags.check).toMatchObject({ passes: 4, total: 4 });
      expect(each.tags).toMatchObject({
        kind: 'k',
        scenario: 'one',
        group: '',
      });
    }
  });

  it('draws random numbers: the same ones for the same seed', async () => {
    const draw = async () => {
      const worker = host({
        code: `const t = new Trend('t'); export default function () { t.add(Math.random()); }`,
        options: scenario({
          executor: 'per-vu-iterations',
          vus: 2,
          iterations: 5,
        }),
      });
      await worker.run();
      const [trend] = [...worker.series].filter((each) => each.metric === 't');
      return trend?.sink.type === 'trend' ? String(trend.sink.histogram.sum) : '';
    };
    expect(await draw()).toBe(await draw());
  });

  it('ends the whole test', async () => {
    const worker = host({
      code: `export default function () { if (__ITER === 3) exec.test.abort('enough'); }`,
      options: { vus: 1, duration: '30s' },
    });
    await worker.ready();
    worker.start();
    expect((await worker.first('abort')).reason).toBe('enough');
    worker.tell({ type: 'stop', reason: 'enough' });
    expect((await worker.first('done')).outcome).toBe('aborted');
    await worker.end();
    expect(worker.count('iterations_failed')).toBe(0);
  });

  it('prints: each line is told', async () => {
    const worker = host({
      code: `const loop = {}; loop.self = loop; console.log('hello', 1, loop); export default () => {};`,
    });
    await worker.load();
    expect((await worker.first('log')).message).toMatch(/^hello 1 /);
  });
});

describe('the process', () => {
  it('ends when its channel closes', async () => {
    const worker = host({ code: GET, options: { vus: 1, duration: '60s' } });
    await worker.ready();
    worker.start();
    await worker.first('started');
    worker.child.disconnect();
    await worker.exited;
  });

  it('ends when its pipe closes, even while it is blocked', async () => {
    const worker = host({
      code: `export default function () { for (;;) { Math.sqrt(2); } }`,
      options: { vus: 1, duration: '60s' },
    });
    await worker.ready();
    worker.start();
    await worker.first('started');
    worker.pipe.destroy();
    expect(await worker.exited).toMatchObject({ signal: 'SIGKILL' });
  });

  it('is stopped: what runs ends gracefully, the rest is counted', async () => {
    const worker = host({
      code: GET,
      options: scenario({
        executor: 'constant-arrival-rate',
        rate: 50,
        duration: '10s',
        preAllocatedVUs: 5,
      }),
    });
    await worker.ready();
    worker.start();
    await worker.until(() => target.total() >= 10);
    worker.tell({ type: 'stop', reason: 'asked' });
    expect((await worker.first('done')).outcome).toBe('stopped');
    await worker.end();
    expect(worker.count('iterations')).toBe(target.total());
    expect(worker.count('dropped_iterations', { reason: 'stopped' })).toBeGreaterThan(0);
    // On a busy machine some starts are dropped for being late, before the stop.
    expect(worker.count('iterations') + worker.count('dropped_iterations')).toBe(500);
  });
});
