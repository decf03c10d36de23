import { AsyncLocalStorage } from 'node:async_hooks';
import { type PlanShape, parseDuration, type ResolvedOptions, type ResolvedScenario, shareOf } from '@muster/plan';
import type { Exec } from '@muster/script';
import { installRuntime } from '@muster/script/internal';
import { AuthorPlaces } from './author-place.js';
import { now } from './clock.js';
import type { DeclaredMetric } from './custom-metrics.js';
import { makeRun } from './executors/index.js';
import type { ScenarioHost, ScenarioRun, Share } from './executors/scenario-host.js';
import { tlsSettings } from './http/connection.js';
import { ConnectionPool, MAX_IDLE_SHARED } from './http/connection-pool.js';
import { Deadlines } from './http/deadlines.js';
import { HttpClient } from './http/http-client.js';
import { Resolver } from './http/resolver.js';
import { TargetUrls } from './http/target-url.js';
import type { InitOrder, PlanOrder } from './ipc.js';
import { IterationRunner } from './iteration-runner.js';
import { Recorder, type SealedWindow } from './recorder.js';
import type { RightToLoad } from './right-to-load.js';
import { makeRuntime } from './script-runtime.js';
import { type ScenarioContext, VirtualUser } from './virtual-user.js';

/** What the engine asks of the process around it. */
export interface EnginePorts {
  readonly right: RightToLoad;
  readonly sealed: (window: SealedWindow) => void;
  readonly started: (atMs: number) => void;
  readonly abort: (reason: string) => void;
  readonly once: (name: string, make: () => unknown) => Promise<unknown>;
  readonly barrier: (name: string) => Promise<{ readonly arrived: number; readonly lost: number }>;
  readonly claim: (
    name: string,
    mode: 'at-most-once' | 'at-least-once',
    count: number,
    confirmed: number,
  ) => Promise<{ readonly from: number; readonly count: number; readonly exhausted: boolean }>;
}

type AuthorModule = Readonly<Record<string, unknown>>;
type AuthorFunction = (data: unknown) => unknown;

const SEAL_CHECK_MS = 100;

/** Runs a test in this process: loads the bundle, keeps the plans, lets the scenarios work, seals what they measured. */
export class Engine {
  readonly #init: InitOrder;
  readonly #ports: EnginePorts;
  readonly #users = new AsyncLocalStorage<VirtualUser>();
  readonly places: AuthorPlaces;
  #module: AuthorModule = {};
  #options: ResolvedOptions | undefined;
  #data: unknown;
  #http: HttpClient | undefined;
  #deadlines = new Deadlines();
  #plans: PlanOrder[] = [];
  #runs: { readonly scenario: ResolvedScenario; readonly run: ScenarioRun; readonly startedMs: number }[] = [];
  #recorder: Recorder | undefined;
  #runner: IterationRunner | undefined;
  #vus = 0;
  #vusMade = 0;
  #startAt = Number.POSITIVE_INFINITY;
  #lastTurnMs = now();
  #sealTimer: NodeJS.Timeout | undefined;
  #stopReason: string | null = null;
  #finished = false;

  constructor(init: InitOrder, ports: EnginePorts) {
    this.#init = init;
    this.#ports = ports;
    this.places = new AuthorPlaces(init.bundlePath);
  }

  /** The run's clock: milliseconds since its start, negative before. */
  readonly runMs = (): number => (this.#startAt === Number.POSITIVE_INFINITY ? 0 : now() - this.#startAt);
  get vus(): number {
    return this.#vus;
  }

  /** Imports the bundle: the author's top level runs now. Rejects with what it threw. */
  async load(): Promise<{
    readonly options: unknown;
    readonly functions: readonly string[];
    readonly metrics: readonly DeclaredMetric[];
  }> {
    this.#installGlobals();
    const proxy = new HttpProxy(() => this.#http);
    const { runtime, metrics } = makeRuntime({
      user: () => this.#users.getStore() ?? null,
      http: proxy.client,
      runMs: this.runMs,
      agent: { ...this.#init.agent, worker: this.#init.worker },
      instance: () => this.#instance(),
      scenario: (user) => this.#scenarioNow(user),
      options: () => this.#options,
      abort: (reason) => this.#ports.abort(reason),
      once: this.#ports.once,
      barrier: this.#ports.barrier,
      claim: async (name, count) => {
        const given = await this.#ports.claim(name, 'at-most-once', count, 0);
        return given.count === 0 ? null : { from: given.from, count: given.count };
      },
    });
    installRuntime(runtime);
    this.#module = (await import(this.#init.bundlePath)) as AuthorModule;
    metrics.close();
    const functions = Object.keys(this.#module).filter((name) => typeof this.#module[name] === 'function');
    return { options: plain(this.#module.options), functions, metrics: metrics.declared };
  }

  #installGlobals(): void {
    const user = () => this.#users.getStore();
    Object.defineProperty(globalThis, '__ENV', {
      get: () => user()?.scenario.env ?? this.#init.env,
      configurable: true,
    });
    Object.defineProperty(globalThis, '__VU', { get: () => user()?.id ?? 0, configurable: true });
    Object.defineProperty(globalThis, '__ITER', { get: () => user()?.iteration ?? 0, configurable: true });
  }

  /** Takes a plan. Generation 0 brings the options: everything is made. */
  plan(order: PlanOrder): void {
    if (this.#plans.some((each) => each.generation === order.generation)) return;
    this.#plans = [...this.#plans, order].sort((a, b) => a.generation - b.generation);
    if (order.options !== undefined) this.#prepare(order.options as ResolvedOptions);
    if (order.generation === 1 && order.startAt !== null) this.#begin(order.startAt);
    for (const { run } of this.#runs) run.replan();
  }

  #prepare(options: ResolvedOptions): void {
    this.#options = options;
    this.#recorder = new Recorder({
      raw: this.#init.raw,
      rowsPerSecond: this.#init.rowsPerSecond,
      tags: options.tags,
      runMs: this.runMs,
      onSealed: (sealed) => this.#ports.sealed(sealed),
    });
    this.#http = new HttpClient({
      user: () => this.#users.getStore() ?? this.#guest(),
      urls: new TargetUrls(options.hosts, options.userAgent),
      shared: {
        deadlines: this.#deadlines,
        resolver: new Resolver(),
        tls: tlsSettings(options.insecureSkipTLSVerify),
      },
      options,
      parseDuration,
    });
    this.#runner = new IterationRunner({
      as: (user, fn) => this.#users.run(user, fn),
      places: this.places,
      runMs: this.runMs,
      data: () => this.#data,
      lastTurnMs: () => this.#lastTurnMs,
      minIterationMs: options.minIterationDurationMs,
    });
    this.#turning();
  }

  /** Notes every turn of the event loop that work comes from; costs nothing while nothing happens. */
  #turning(): void {
    setInterval(() => {
      this.#lastTurnMs = now();
      this.#ports.right.turn();
    }, 10).unref();
  }

  set data(data: unknown) {
    this.#data = data;
  }

  /** Runs `setup`, `teardown` or `handleSummary`; its requests are measured like a user's, in a group of its name. */
  async call(fn: 'setup' | 'teardown' | 'handleSummary', data: unknown, timeoutMs: number): Promise<unknown> {
    const found = this.#module[fn];
    if (typeof found !== 'function') return undefined;
    const user = this.#guest();
    user.enter(`::${fn}`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new CallTimeout(fn, timeoutMs)), timeoutMs);
    });
    try {
      const value = await Promise.race([this.#users.run(user, () => (found as AuthorFunction)(data)), late]);
      return plain(value);
    } finally {
      clearTimeout(timer);
      user.close();
    }
  }

  #guestUser: VirtualUser | undefined;

  /** The user behind what runs outside of any iteration. */
  #guest(): VirtualUser {
    this.#guestUser ??= new VirtualUser(
      0,
      0,
      this.#contextOf({ name: 'default', executor: 'setup', tags: {}, env: {} }),
    );
    return this.#guestUser;
  }

  #contextOf(scenario: {
    readonly name: string;
    readonly executor: string;
    readonly tags: Readonly<Record<string, string>>;
    readonly env: Readonly<Record<string, string>>;
  }): ScenarioContext {
    const recorder = this.#recorder;
    const options = this.#options;
    if (recorder === undefined || options === undefined)
      throw new Error('requests are made inside functions, not while the file is loaded');
    const tags = { scenario: scenario.name, ...options.tags, ...scenario.tags };
    const counter = (name: string) => recorder.series.counter(name, tags);
    const trend = (name: string) => recorder.series.trend(name, tags);
    return {
      name: scenario.name,
      executor: scenario.executor,
      recorder,
      tags: scenario.tags,
      env: { ...this.#init.env, ...scenario.env },
      sharedPool: options.connections === 'shared' ? new ConnectionPool(MAX_IDLE_SHARED) : null,
      keepCookies: options.noCookiesReset,
      places: new Map(),
      iterations: {
        started: counter('iterations_started'),
        completed: counter('iterations'),
        failed: counter('iterations_failed'),
        interrupted: counter('iterations_interrupted'),
        duration: trend('iteration_duration'),
        lag: trend('iteration_lag'),
      },
    };
  }

  #begin(startAt: number): void {
    this.#startAt = startAt;
    this.#sealTimer = setInterval(() => {
      if (this.runMs() >= 0) {
        this.#noteGauges();
        this.#recorder?.tick();
      }
      this.#ports.right.quiet = !this.#ports.right.allows(now());
    }, SEAL_CHECK_MS);
  }

  /** Runs every scenario to its end; resolves with how the load ended. All windows are sealed then. */
  async run(): Promise<'done' | 'stopped'> {
    const options = this.#options;
    if (options === undefined) throw new Error('no plan has come');
    await this.#until(0);
    this.#ports.started(this.runMs());
    const ended = new Map<string, Promise<void>>();
    for (const scenario of options.scenarios) {
      ended.set(
        scenario.name,
        this.#runScenario(scenario, scenario.after === null ? undefined : ended.get(scenario.after)),
      );
    }
    await Promise.all(ended.values());
    return this.#stopReason === null ? 'done' : 'stopped';
  }

  async #runScenario(scenario: ResolvedScenario, before: Promise<void> | undefined): Promise<void> {
    await before;
    await this.#until(scenario.startTimeMs);
    if (this.#stopReason !== null && scenario.executor.endsWith('vus')) return;
    const run = makeRun(scenario, this.#hostOf(scenario));
    this.#runs.push({ scenario, run, startedMs: Date.now() });
    if (this.#stopReason !== null) run.stop();
    await run.run();
  }

  /** Waits for an instant of the run's clock, or for a stop. */
  async #until(atMs: number): Promise<void> {
    while (this.#stopReason === null) {
      const leftMs = atMs - this.runMs();
      if (leftMs <= 0 && this.#startAt !== Number.POSITIVE_INFINITY) return;
      await new Promise((resolve) =>
        setTimeout(resolve, Math.max(leftMs > 20 || leftMs <= 0 ? Math.min(leftMs - 10, 250) : 0, 0)),
      );
    }
  }

  #hostOf(scenario: ResolvedScenario): ScenarioHost {
    const context = this.#contextOf(scenario);
    const fn = this.#module[scenario.exec] as AuthorFunction;
    const { right } = this.#ports;
    return {
      context,
      runner: this.#runner as IterationRunner,
      right,
      runMs: this.runMs,
      now,
      fn,
      shares: () => this.#sharesOf(scenario),
      makeUser: (id) => {
        this.#vusMade += 1;
        return new VirtualUser(id, this.#vusMade, context);
      },
      maxLatenessMs: this.#options?.maxLatenessMs ?? 1_000,
      claim: (count, confirmed) => this.#ports.claim(`iterations:${scenario.name}`, 'at-least-once', count, confirmed),
      drop: (reason, count) => {
        this.#recorder?.tick();
        this.#recorder?.series
          .counter('dropped_iterations', { ...context.tags, scenario: scenario.name, reason })
          .add(count);
      },
      noteVus: (change) => {
        this.#vus += change;
      },
    };
  }

  #sharesOf(scenario: ResolvedScenario): Share[] {
    const { agent, worker, workers } = this.#init;
    return this.#plans.map((plan: PlanShape) => ({
      plan,
      stripe: shareOf(plan, agent.id, worker, workers, scenario.perAgent),
    }));
  }

  stop(reason: string): void {
    this.#stopReason ??= reason;
    for (const { run } of this.#runs) run.stop();
  }

  #noteGauges(): void {
    this.#recorder?.series.gauge('vus', {}).add(this.#vus, this.runMs());
    this.#recorder?.series.gauge('vus_max', {}).add(this.#vusMade, this.runMs());
  }

  /** Seals what is open; nothing is measured after it. */
  finish(): void {
    if (this.#finished || this.#startAt === Number.POSITIVE_INFINITY) return;
    this.#finished = true;
    clearInterval(this.#sealTimer);
    this.#noteGauges();
    this.#recorder?.finish();
  }

  /** What `teardown` measured comes after the load's last window: it gets one of its own. */
  sealAfterwards(): void {
    if (this.#finished) this.#recorder?.finish();
  }

  log(level: 'debug' | 'info' | 'warn' | 'error', message: string): void {
    this.#recorder?.log(level, message);
  }
  error(code: string, message: string, where: string | null): void {
    this.#recorder?.error(code, message, where, null);
  }

  #instance(): Exec['instance'] {
    return {
      currentTestRunDuration: this.runMs(),
      iterationsCompleted: this.#runner?.completed ?? 0,
      iterationsInterrupted: this.#runner?.interrupted ?? 0,
      vusActive: this.#vus,
      vusInitialized: this.#vusMade,
    };
  }

  #scenarioNow(user: VirtualUser): { readonly startTime: number; readonly progress: number } {
    const found = this.#runs.find((each) => each.scenario.name === user.scenario.name);
    return { startTime: found?.startedMs ?? 0, progress: found?.run.progress() ?? 0 };
  }
}

/** `setup`, `teardown` or `handleSummary` took longer than its time. */
export class CallTimeout extends Error {
  override readonly name = 'CallTimeout';
  constructor(fn: string, timeoutMs: number) {
    super(`${fn} took longer than ${timeoutMs} ms`);
  }
}

/** What can travel: as JSON would carry it. Undefined stays undefined. */
const plain = (value: unknown): unknown =>
  value === undefined ? undefined : (JSON.parse(JSON.stringify(value) ?? 'null') as unknown);

/** The client is made when the options are known; what tests import is there from the start. */
class HttpProxy {
  readonly client: HttpClient;

  constructor(get: () => HttpClient | undefined) {
    this.client = new Proxy({} as HttpClient, {
      get: (_, name) => {
        const made = get();
        if (made === undefined) throw new Error('http works inside functions, not while the file is loaded');
        const value = Reflect.get(made, name) as unknown;
        return typeof value === 'function' ? value.bind(made) : value;
      },
    });
  }
}
