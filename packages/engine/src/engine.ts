import type { ResolvedOptions } from '@muster/plan';
import type { Exec } from '@muster/script';
import { installRuntime } from '@muster/script/internal';
import { AuthorPlaces } from './author-place.js';
import { type AuthorModule, importBundle, readBundle } from './bundle-module.js';
import type { Heartbeat } from './heartbeat.js';
import type { InitOrder, PlanOrder } from './ipc.js';
import { type Frames, framesFor, StoredFrames } from './load/frames.js';
import { type AuthorFunction, IterationRunner } from './load/iteration-runner.js';
import { LoadGate } from './load/load-gate.js';
import { RunClock } from './load/run-clock.js';
import { ScenarioContext } from './load/scenario-context.js';
import { ScenariosAtWork } from './load/scenarios-at-work.js';
import { UserCounts } from './load/user-counts.js';
import type { Frame } from './load/virtual-user.js';
import { VirtualUser } from './load/virtual-user.js';
import { Pacer, type WakeSource } from './pace/pacer.js';
import { Recorder, type SealedWindow } from './record/recorder.js';
import { MAX_ROWS } from './record/row-buffer.js';
import type { RightToLoad } from './right-to-load.js';
import { AuthorHttp } from './runtime/author-http.js';
import type { ClusterPorts } from './runtime/cluster-primitives.js';
import type { DeclaredMetric } from './runtime/custom-metrics.js';
import { installGlobals } from './runtime/globals.js';
import { makeRuntime } from './runtime/make-runtime.js';
import { deepFreeze, plainData } from './runtime/plain-data.js';

/** What the engine asks of the process around it. */
export interface EnginePorts {
  readonly right: RightToLoad;
  readonly heartbeat: Heartbeat;
  readonly cluster: ClusterPorts;
  readonly sealed: (window: SealedWindow) => void;
  /** The first work has begun, at this instant of the run's clock. */
  readonly started: (atMs: number) => void;
  /** The test called `exec.test.abort`. */
  readonly abort: (reason: string) => void;
  /** What rings the alarms of executors with a schedule. */
  readonly wakeSource: (wake: () => void) => WakeSource;
}

/** What the author's file exports and declares. */
export interface LoadedTest {
  readonly options: unknown;
  readonly functions: readonly string[];
  readonly metrics: readonly DeclaredMetric[];
}

export type CallName = 'setup' | 'teardown' | 'handleSummary';
export type Outcome = 'done' | 'stopped' | 'aborted';

/** Everything that is made when the options are known. */
interface Prepared {
  readonly options: ResolvedOptions;
  readonly recorder: Recorder;
  readonly runner: IterationRunner;
  readonly scenarios: ScenariosAtWork;
}

/** Runs a test in this process: loads the bundle, keeps the plans, lets the scenarios work, seals what they measured. */
export class Engine {
  readonly #init: InitOrder;
  readonly #ports: EnginePorts;
  readonly places: AuthorPlaces;
  readonly #clock = new RunClock();
  readonly #gate: LoadGate;
  readonly #pacer: Pacer;
  readonly #counts = new UserCounts();
  readonly #http: AuthorHttp;
  /** Chosen by what the bundle uses. */
  #frames: Frames = new StoredFrames();
  #module: AuthorModule = {};
  #data: unknown;
  #prepared: Prepared | null = null;
  #generation = -1;
  #outcome: Outcome = 'done';
  #loading = false;

  constructor(init: InitOrder, ports: EnginePorts) {
    this.#init = init;
    this.#ports = ports;
    this.places = new AuthorPlaces(init.bundlePath);
    this.#gate = new LoadGate(ports.right);
    this.#pacer = new Pacer(ports.wakeSource);
    this.#http = new AuthorHttp(() => this.#here('http'));
  }

  /** Virtual users at work. */
  get vus(): number {
    return this.#counts.active;
  }

  #here(what: string): Frame {
    const frame = this.#frames.current;
    if (frame === undefined)
      throw new Error(`${what} works inside a function of the test, not while the file is loaded`);
    return frame;
  }

  /** Imports the bundle. Rejects with what the author's top level threw. */
  async load(): Promise<LoadedTest> {
    const { bundlePath } = this.#init;
    const { text, keepsFrames } = await readBundle(bundlePath);
    this.#frames = framesFor(text, keepsFrames);
    const here = () => this.#frames.current;
    installGlobals(here, this.#init.env);
    const { runtime, metrics } = makeRuntime({
      here,
      within: (frame, fn) => this.#frames.run(frame, fn, undefined),
      http: this.#http.http,
      network: () => this.#http.network,
      cluster: this.#ports.cluster,
      agent: { ...this.#init.agent, worker: this.#init.worker },
      instance: () => this.#instance(),
      scenario: (name) =>
        this.#prepared?.scenarios.progressOf(name) ?? {
          startTime: 0,
          progress: 0,
        },
      options: () => this.#prepared?.options,
      abort: (reason) => {
        this.#ports.abort(reason);
        this.#end('aborted');
      },
    });
    installRuntime(runtime);
    this.#module = await importBundle(bundlePath);
    metrics.close();
    const functions = Object.keys(this.#module).filter((name) => typeof this.#module[name] === 'function');
    return {
      options: plainData(this.#module.options),
      functions,
      metrics: metrics.declared,
    };
  }

  /** Takes a plan: generation 0 brings the options, 1 the start, each later one who shares the load from an instant on. */
  plan(order: PlanOrder): void {
    if (order.generation <= this.#generation) return;
    this.#generation = order.generation;
    if (order.generation === 0) {
      this.#prepare(order.options as ResolvedOptions);
      return;
    }
    this.#gate.hold(order.generation);
    this.#prepared?.scenarios.plan(order);
    if (order.startAt !== null && !this.#clock.isKnown) {
      this.#clock.begin(order.startAt);
      this.#prepared?.recorder.begin(this.#clock.originMs);
    }
  }

  #prepare(options: ResolvedOptions): void {
    const { agent, worker, workers, env, seed, raw, rowsPerSecond } = this.#init;
    const recorder = new Recorder({
      events: this.#init.events === true,
      rowsPerSecond: raw === 'none' ? 0 : raw === 'all' ? MAX_ROWS : rowsPerSecond,
      onSealed: this.#ports.sealed,
      beforeSeal: (series, second) => {
        if (this.#loading && second >= 0) this.#counts.note(series, second);
      },
    });
    const runner = new IterationRunner({
      as: (user, fn, argument) => this.#frames.run(user.root, fn, argument),
      back: (user) => this.#frames.back(user.root),
      places: this.places,
      clock: this.#clock,
      data: () => this.#data,
      lastTurnMs: () => this.#ports.heartbeat.lastTurnMs,
      minIterationMs: options.minIterationDurationMs,
    });
    const scenarios = new ScenariosAtWork({
      options,
      recorder,
      runner,
      gate: this.#gate,
      clock: this.#clock,
      pacer: this.#pacer,
      place: { agent: agent.id, worker, workers },
      env,
      seed,
      counts: this.#counts,
      functionOf: (name) => this.#module[name] as AuthorFunction,
      claim: (scenario, count, confirmed) =>
        this.#ports.cluster.claim(`iterations:${scenario}`, 'at-least-once', count, confirmed),
    });
    this.#prepared = { options, recorder, runner, scenarios };
    this.#http.begin(options);
    this.#ports.heartbeat.onBeat((nowMs) => {
      if (this.#loading) recorder.tick(nowMs);
    });
  }

  /** The value of `setup`, the same for all users. */
  set data(data: unknown) {
    this.#data = deepFreeze(data);
  }

  /**
   * Runs `setup`, `teardown` or `handleSummary`; what it measures belongs to a group of its name. Undefined when the
   * test has no such function. Rejects with what it threw, or with a {@link CallTimeout}.
   */
  async call(fn: CallName, data: unknown, timeoutMs: number): Promise<unknown> {
    const found = this.#module[fn];
    if (typeof found !== 'function') return undefined;
    const { recorder, options } = this.#ready();
    const settings = {
      name: '',
      executor: '',
      tags: {},
      env: this.#init.env,
      seed: this.#init.seed,
    };
    const context = new ScenarioContext(
      {
        ...settings,
        sharedConnections: false,
        keepCookies: true,
        keepConnections: true,
      },
      recorder,
      options.tags,
    );
    const user = new VirtualUser(0, 0, context);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new CallTimeout(fn, timeoutMs)), timeoutMs);
    });
    try {
      const value = this.#frames.run(user.root.inside(fn), found as AuthorFunction, data);
      const result = plainData(await Promise.race([value, late]));
      if (user.hasSockets) await Promise.race([user.sockets.end(value === undefined), late]);
      return result;
    } finally {
      clearTimeout(timer);
      user.cancel();
      // What was cut off is recorded in the turn after.
      await turn();
      if (fn !== 'handleSummary') recorder.flush(performance.now());
    }
  }

  #ready(): Prepared {
    if (this.#prepared === null) throw new Error('no plan has come yet');
    return this.#prepared;
  }

  /** Waits for the start, runs every scenario to its end, seals what was measured. */
  async run(): Promise<Outcome> {
    const { scenarios } = this.#ready();
    await this.#clock.known();
    this.#loading = true;
    await scenarios.until(0);
    this.#ports.started(this.#clock.now());
    await scenarios.run();
    // Exchanges that were cut off are recorded in the turn after.
    await turn();
    this.finish();
    return this.#outcome;
  }

  /** Starts nothing new; what runs may end within its grace. */
  stop(): void {
    this.#end('stopped');
  }
  #end(outcome: Outcome): void {
    if (this.#outcome === 'done') this.#outcome = outcome;
    this.#prepared?.scenarios.stop();
    this.#gate.release();
  }

  /** Seals what is open, if the load has begun. */
  finish(): void {
    if (!this.#loading) return;
    this.#prepared?.recorder.finish(performance.now());
    this.#loading = false;
  }

  /** A failure outside of any iteration. */
  error(code: string, thrown: unknown): void {
    const error = thrown instanceof Error ? thrown : null;
    const text = error === null ? `thrown: ${String(thrown)}` : `${error.name}: ${error.message}`;
    const scenario = this.#frames.current?.user.scenario.name ?? '';
    this.#prepared?.recorder.error(code, text, this.places.of(error?.stack), scenario, performance.now());
  }

  #instance(): Exec['instance'] {
    return {
      currentTestRunDuration: this.#clock.isKnown ? Math.max(0, this.#clock.now()) : 0,
      iterationsCompleted: this.#prepared?.runner.completed ?? 0,
      iterationsInterrupted: this.#prepared?.runner.interrupted ?? 0,
      vusActive: this.#counts.active,
      vusInitialized: this.#counts.made,
    };
  }
}

/** `setup`, `teardown` or `handleSummary` took longer than its time. */
export class CallTimeout extends Error {
  override readonly name = 'CallTimeout';
  constructor(fn: CallName, timeoutMs: number) {
    super(`${fn} took longer than ${timeoutMs} ms`);
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
