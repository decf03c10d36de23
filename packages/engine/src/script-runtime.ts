import { BUILTIN } from '@muster/metrics';
import type { Exec } from '@muster/script';
import type { ScriptRuntime } from '@muster/script/internal';
import { CustomMetrics } from './custom-metrics.js';
import type { HttpClient } from './http/http-client.js';
import { FailSignal } from './iteration-runner.js';
import type { VirtualUser } from './virtual-user.js';

/** What the runtime asks of the engine. */
export interface RuntimePorts {
  readonly user: () => VirtualUser | null;
  readonly http: HttpClient;
  readonly runMs: () => number;
  readonly agent: Exec['agent'];
  readonly instance: () => Exec['instance'];
  readonly scenario: (user: VirtualUser) => { readonly startTime: number; readonly progress: number };
  readonly options: () => unknown;
  readonly abort: (reason: string) => void;
  readonly once: (name: string, make: () => unknown) => Promise<unknown>;
  readonly barrier: (name: string) => Promise<{ readonly arrived: number; readonly lost: number }>;
  readonly claim: (name: string, count: number) => Promise<{ readonly from: number; readonly count: number } | null>;
}

/** Never settles: what an iteration that was cut off still does must lead nowhere. */
const never = (): Promise<never> => new Promise(() => undefined);

/** The values behind every export of `@muster/script`. */
export const makeRuntime = (
  ports: RuntimePorts,
): { readonly runtime: ScriptRuntime; readonly metrics: CustomMetrics } => {
  const metrics = new CustomMetrics({
    user: ports.user,
    runMs: ports.runMs,
    reserved: (name) => BUILTIN[name] !== undefined,
  });
  const must = (what: string): VirtualUser => {
    const user = ports.user();
    if (user === null)
      throw new Error(`${what} works inside a function that a virtual user runs, not while the file is loaded`);
    return user;
  };
  const runtime: ScriptRuntime = {
    http: ports.http,
    check: (value, checks, tags) => check(must('check'), value, checks, tags),
    group: (name, fn) => group(must('group'), String(name), fn, ports.runMs),
    sleep: async (seconds) => {
      const user = ports.user();
      if (!(seconds >= 0)) throw new Error(`sleep takes seconds, not ${String(seconds)}`);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
      if (user?.cancelled === true) await never();
    },
    fail: (reason = 'failed by the test') => {
      throw new FailSignal(String(reason));
    },
    Counter: metrics.classOf('counter') as ScriptRuntime['Counter'],
    Gauge: metrics.classOf('gauge') as ScriptRuntime['Gauge'],
    Rate: metrics.classOf('rate') as ScriptRuntime['Rate'],
    Trend: metrics.classOf('trend') as ScriptRuntime['Trend'],
    exec: makeExec(ports, must),
    once: async (name, make) => (await ports.once(`test:${name}`, make)) as never,
    barrier: (name) => ports.barrier(`test:${name}`),
    claim: (name, count = 1) => ports.claim(`test:${name}`, count),
    randomSeed: (seed) => {
      seeds.set(must('randomSeed'), mulberry32(seed));
    },
  };
  const seeds = new WeakMap<VirtualUser, () => number>();
  installRandom(() => {
    const user = ports.user();
    return user === null ? undefined : seeds.get(user);
  });
  return { runtime, metrics };
};

const plainRandom = Math.random;

/** `Math.random` of a user that asked for a seed is repeatable; everybody else's stays as it is. */
const installRandom = (own: () => (() => number) | undefined): void => {
  Math.random = () => (own() ?? plainRandom)();
};

/** The generator of Tommy Ettinger that is known as mulberry32: 32 bits of state, one number a call. */
const mulberry32 = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

const check = <T>(
  user: VirtualUser,
  value: T,
  checks: Readonly<Record<string, (value: T) => unknown>>,
  tags: Readonly<Record<string, string>> | undefined,
): boolean => {
  const { recorder } = user.scenario;
  const { tags: place } = user.place;
  if (user.cancelled) return false;
  recorder.tick();
  let all = true;
  for (const [name, test] of Object.entries(checks)) {
    let passed = false;
    try {
      passed = Boolean(test(value));
    } catch (thrown) {
      recorder.error(
        'CHECK_THREW',
        `check "${name}": ${(thrown as Error)?.message ?? String(thrown)}`,
        null,
        user.scenario.name,
      );
    }
    recorder.series.rate('checks', { ...place, ...tags, check: name }).add(passed);
    if (!passed) all = false;
  }
  return all;
};

const group = async <T>(user: VirtualUser, name: string, fn: () => T | Promise<T>, runMs: () => number): Promise<T> => {
  const outer = user.group;
  const { epoch } = user;
  user.enter(`${outer}::${name}`);
  const startedMs = runMs();
  try {
    return await fn();
  } finally {
    if (user.epoch === epoch && !user.cancelled) {
      user.scenario.recorder.tick();
      user.scenario.recorder.series
        .trend('group_duration', user.place.tags)
        .addUs(Math.round((runMs() - startedMs) * 1_000));
      user.enter(outer);
    }
  }
};

const makeExec = (ports: RuntimePorts, must: (what: string) => VirtualUser): Exec => ({
  get scenario() {
    const user = must('exec.scenario');
    return {
      name: user.scenario.name,
      executor: user.scenario.executor,
      ...ports.scenario(user),
      iterationInInstance: user.iteration,
      iterationInTest: user.iterationInTest,
    };
  },
  get instance() {
    return ports.instance();
  },
  get vu() {
    const user = must('exec.vu');
    return {
      idInInstance: user.idInInstance,
      idInTest: user.id,
      iterationInInstance: user.iteration,
      iterationInScenario: user.iteration,
      tags: user.tags,
    };
  },
  test: {
    abort: (reason = 'aborted by the test') => {
      ports.abort(String(reason));
      throw new FailSignal(String(reason));
    },
    fail: (reason = 'failed by the test') => {
      throw new FailSignal(String(reason));
    },
    get options() {
      return ports.options();
    },
  },
  agent: ports.agent,
});
