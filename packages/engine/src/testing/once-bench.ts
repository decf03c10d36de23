import { SeriesSet, type SeriesSnapshot, summarizeMetrics } from '@muster/metrics';
import type { ResolvedOptions } from '@muster/plan';
import { BOUNDS, decodeNative, MusterError, machineMs, WindowPayload } from '@muster/protocol';
import { installRuntime, RUNTIME_KEY } from '@muster/script/internal';
import { StoredFrames } from '../load/frames.js';
import { type AuthorFunction, IterationRunner } from '../load/iteration-runner.js';
import { RunClock } from '../load/run-clock.js';
import { ScenarioContext } from '../load/scenario-context.js';
import { type Frame, VirtualUser } from '../load/virtual-user.js';
import { Recorder } from '../record/recorder.js';
import { AuthorHttp } from '../runtime/author-http.js';
import type { ClusterPorts } from '../runtime/cluster-primitives.js';
import { installGlobals } from '../runtime/globals.js';
import { makeRuntime } from '../runtime/make-runtime.js';
import { deepFreeze, plainData } from '../runtime/plain-data.js';
import type { OnceCheck, OnceError, OnceResult } from './once-result.js';

const GLOBALS = ['__ENV', '__VU', '__ITER'] as const;
const FAILED: Readonly<Record<string, string>> = { setup: 'SETUP_FAILED', teardown: 'TEARDOWN_FAILED' };

/** A worker's parts put together in a process of somebody else, for one test; {@link close} leaves no trace. */
export class OnceBench {
  readonly #env: Readonly<Record<string, string>>;
  readonly #frames = new StoredFrames();
  readonly #clock = new RunClock();
  readonly #series = new SeriesSet();
  readonly #errors: OnceError[] = [];
  readonly #http = new AuthorHttp(() => this.#here('http'));
  readonly #random = Math.random;
  readonly #recorder = new Recorder({
    rowsPerSecond: 0,
    onSealed: ({ window }) => this.#take(window),
    beforeSeal: () => undefined,
  });
  #options: ResolvedOptions | null = null;
  #aborted: string | null = null;
  #completed = 0;

  private constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  /** @throws MusterError `ABORTED`: one at a time, since a process has one runtime */
  static open(env: Readonly<Record<string, string>>): OnceBench {
    if (Reflect.has(globalThis, RUNTIME_KEY))
      throw new MusterError('ABORTED', 'another test runs in this process already', {
        hint: 'await one runOnce before the next; in vitest use no `concurrent`',
      });
    const bench = new OnceBench(env);
    bench.#install();
    return bench;
  }

  #install(): void {
    const here = (): Frame | undefined => this.#frames.current;
    const { runtime } = makeRuntime({
      here,
      within: (frame, fn) => this.#frames.run(frame, fn, undefined),
      http: this.#http.http,
      network: () => this.#http.network,
      cluster: alone(),
      agent: { id: 'here', node: 'here', labels: {}, worker: 0 },
      instance: () => ({
        currentTestRunDuration: Math.max(0, this.#clock.now()),
        iterationsCompleted: this.#completed,
        iterationsInterrupted: 0,
        vusActive: 1,
        vusInitialized: 1,
      }),
      scenario: () => ({ startTime: Date.now(), progress: 0 }),
      options: () => this.#options,
      abort: (reason) => {
        this.#aborted ??= reason;
      },
    });
    installRuntime(runtime);
    installGlobals(here, this.#env);
  }

  #here(what: string): Frame {
    const frame = this.#frames.current;
    if (frame === undefined)
      throw new Error(`${what} works inside a function of the test, not while the file is loaded`);
    return frame;
  }

  /** The options are known. */
  begin(options: ResolvedOptions): void {
    this.#options = options;
    this.#http.begin(options);
    this.#clock.begin(machineMs());
  }

  #context(name: string): ScenarioContext {
    const { tags = {}, noCookiesReset = false } = this.#options ?? {};
    return new ScenarioContext(
      {
        name,
        executor: name === '' ? '' : 'per-vu-iterations',
        tags: {},
        env: this.#env,
        sharedConnections: false,
        keepCookies: name === '' || noCookiesReset,
        keepConnections: true,
        seed: 0,
      },
      this.#recorder,
      tags,
    );
  }

  /** `setup` or `teardown`, in a group of its name; nothing when the test has none. Rejects with what it threw. */
  async call(name: string, fn: AuthorFunction | undefined, data: unknown): Promise<unknown> {
    if (typeof fn !== 'function') return undefined;
    const user = new VirtualUser(0, 0, this.#context(''));
    try {
      const value = this.#frames.run(user.root.inside(name), fn, data);
      const result = plainData(await value);
      if (user.hasSockets) await user.sockets.end(value === undefined);
      return deepFreeze(result);
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : null;
      const text = error === null ? `thrown: ${String(thrown)}` : `${error.name}: ${error.message}`;
      this.#recorder.error(FAILED[name] ?? 'SCRIPT_EXCEPTION', text, placeOf(error?.stack), '', performance.now());
      throw thrown;
    } finally {
      user.cancel();
    }
  }

  /** One user runs the function so often. */
  async iterate(fn: AuthorFunction, data: unknown, iterations: number): Promise<void> {
    const runner = new IterationRunner({
      as: (user, run, argument) => this.#frames.run(user.root, run, argument),
      back: () => this.#frames.back(),
      places: { of: placeOf },
      clock: this.#clock,
      data: () => data,
      lastTurnMs: () => performance.now(),
      minIterationMs: 0,
    });
    const user = new VirtualUser(1, 1, this.#context('default'));
    let begun = 0;
    await runner.loop(user, fn, () => {
      this.#completed = runner.completed;
      if (begun >= iterations || this.#aborted !== null) return 'end';
      begun += 1;
      return begun - 1;
    });
    user.close();
  }

  async result(data: unknown): Promise<OnceResult> {
    // What was cut off is recorded in the turn after.
    await new Promise((resolve) => setImmediate(resolve));
    const nowMs = performance.now();
    const seconds = Math.max(0.001, this.#clock.now() / 1_000);
    this.#recorder.begin(nowMs);
    this.#recorder.finish(nowMs);
    const set = this.#series;
    const summary = (selectors: readonly string[]) => summarizeMetrics(set, { seconds, selectors });
    const { metrics } = summary([]);
    return {
      checks: checksOf(set),
      metrics,
      select: (selector) => (selector.includes('{') ? summary([selector]).submetrics[selector] : metrics[selector]),
      errors: this.#errors,
      data,
      aborted: this.#aborted,
    };
  }

  #take(bytes: Uint8Array): void {
    const window = decodeNative(WindowPayload, bytes, BOUNDS.resultBytes);
    for (const snapshot of window.series as unknown as SeriesSnapshot[]) this.#series.merge(snapshot);
    for (const { code, message, where, count } of window.errors) this.#errors.push({ code, message, where, count });
  }

  close(): void {
    Reflect.deleteProperty(globalThis, RUNTIME_KEY);
    for (const name of GLOBALS) Reflect.deleteProperty(globalThis, name);
    Math.random = this.#random;
  }
}

/** Checks by name, over all groups. */
const checksOf = (set: SeriesSet): readonly OnceCheck[] => {
  const sums = new Map<string, OnceCheck>();
  for (const { tags, sink } of set.of('checks')) {
    if (sink.type !== 'rate') continue;
    const name = tags.check ?? '';
    const { passes, fails } = sums.get(name) ?? { passes: 0, fails: 0 };
    sums.set(name, { name, passes: passes + sink.passes, fails: fails + sink.total - sink.passes });
  }
  return [...sums.values()];
};

/** What a cluster agrees on, when there is nobody else. */
const alone = (): ClusterPorts => {
  const next = new Map<string, number>();
  return {
    once: async (_, make) => plainData(await make()),
    barrier: async () => ({ arrived: 1, lost: 0 }),
    claim: async (name, _mode, count) => {
      const from = next.get(name) ?? 0;
      next.set(name, from + count);
      return { from, count, exhausted: false };
    },
  };
};

/** The innermost line of a stack that is of neither Node nor a package. */
const placeOf = (stack: string | undefined): string | null => {
  for (const line of (stack ?? '').split('\n').slice(1)) {
    const place = /(?:file:\/\/)?((?:\/|[A-Za-z]:\\)[^()]*:\d+:\d+)\)?$/.exec(line)?.[1];
    if (place !== undefined && !/node_modules|node:|[/\\]packages[/\\]engine[/\\]/.test(place)) return place;
  }
  return null;
};
