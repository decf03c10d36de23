import type { WorkerExit } from '@muster/agent';
import type { InitOrder, PlanOrder, WorkerNews, WorkerOrder } from '@muster/engine';
import {
  type ArrivalScenario,
  activeMsOf,
  countSlots,
  isArrival,
  type ResolvedOptions,
  SlotCursor,
  type Schedule as Slots,
  scheduleOf,
  shareOf,
} from '@muster/plan';
import { ClaimResult, OnceResult } from '@muster/protocol';
import type { Random } from './random.js';
import type { Wish } from './schedule.js';
import { SimProcess } from './sim-process.js';
import { SHARE, testFileOf } from './sim-test-file.js';
import type { World } from './world.js';

/** What a worker says and does to the world around it. */
export interface SimWorkerPort {
  /** The machine's clock, which the worker shares with its agent. */
  now(): number;
  whenShows(ownMs: number): number;
  news(news: WorkerNews): void;
  exited(exit: WorkerExit): void;
  started(slot: number, generation: number): void;
}

interface Cursor {
  readonly generation: number;
  readonly cursor: SlotCursor;
  readonly stripe: { readonly offset: number; readonly period: number };
  endUs: number;
}

/** Counts of a second that is not sealed yet. */
interface OpenSecond {
  started: number;
  dropped: Record<string, number>;
}

const TICK_MS = 40;
const SECOND_MS = 1_000;
const MAX_LATENESS_MS = 1_000;
/** The watchdog ends a worker whose loop is blocked when its right has been over for so long. */
const EXPIRED_MS = 1_000;
const GRACEFUL_MS = 1_000;

/**
 * A worker process as a model of what the engine does: follows plans and grants, starts each of its slots when it is
 * due, seals each second, asks for its share of what is shared. No script is run.
 */
export class SimWorker {
  readonly process: SimProcess;
  readonly #world: World;
  readonly #port: SimWorkerPort;
  readonly #random: Random;
  readonly #init: InitOrder;
  readonly #wish: Wish;
  #isBlocked = false;
  #waitingOrders: WorkerOrder[] = [];
  #exiting: WorkerExit | null = null;
  #right = { generation: 0, until: 0 };
  #plans: PlanOrder[] = [];
  #options: ResolvedOptions | null = null;
  #startAt: number | null = null;
  #begun = false;
  #stopped = false;
  #finished = false;
  #scenario: ArrivalScenario | null = null;
  #slots: Slots | null = null;
  #cursors: Cursor[] = [];
  #seen = 0;
  #quietSinceMs: number | null = null;
  #open: OpenSecond = { started: 0, dropped: {} };
  #second = 0;
  /** Own clock at which each iteration that goes on will end. */
  #busyUntil: number[] = [];
  #stoppedAtMs: number | null = null;
  #lastQuestion = 0;
  readonly #asked = new Map<number, (result: unknown, failed: boolean) => void>();
  #share: {
    ranges: [from: number, count: number][];
    confirmed: number;
    asking: boolean;
    over: boolean;
    busyUntil: number;
  };

  constructor(world: World, random: Random, init: InitOrder, port: SimWorkerPort) {
    this.#world = world;
    this.#random = random;
    this.#init = init;
    this.#port = port;
    this.#wish = world.wishOf(init.name);
    this.#share = { ranges: [], confirmed: 0, asking: false, over: this.#wish.shared === 0, busyUntil: 0 };
    this.process = new SimProcess(world.time, () => undefined);
    this.process.start();
    this.process.after(random.between(1, 300), () => {
      const { options, functions } = testFileOf(this.#wish);
      this.#say({ type: 'loaded', options, functions, metrics: [] });
    });
  }

  get isAlive(): boolean {
    return this.process.isAlive;
  }

  #say(news: WorkerNews): void {
    if (this.process.isAlive) this.#port.news(news);
  }
  get #runMs(): number {
    return this.#startAt === null ? 0 : this.#port.now() - this.#startAt;
  }

  // What it is told

  /** On the channel: read by the main loop, when that turns. */
  order(order: WorkerOrder): void {
    this.process.now(() => {
      if (this.#isBlocked) this.#waitingOrders.push(order);
      else this.#obey(order);
    });
  }

  /** On the pipe of its own: read by the watchdog, however blocked the main loop is. */
  grant(generation: number, until: number): void {
    this.process.now(() => {
      this.#right = { generation, until };
    });
  }

  /** Whether work may be started: until then, and by a plan that is held. */
  #mayStart(now: number): boolean {
    const held = Math.max(-1, ...this.#plans.map((plan) => plan.generation));
    return now < this.#right.until && this.#right.generation <= held;
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (signal === 'SIGTERM' && (this.process.isStill || this.#isBlocked) && this.#random.chance(0.5)) return;
    this.die({ reason: 'signal', code: null, signal, where: null, message: `ended by ${signal}` });
  }

  /** The main loop does not turn for a while. */
  block(forMs: number): void {
    if (this.#isBlocked) return;
    this.#isBlocked = true;
    this.process.after(forMs, () => {
      this.#isBlocked = false;
      const first = this.#random.chance(0.5);
      // Timers and the channel: either may come first.
      if (first) this.#tick();
      for (const order of this.#waitingOrders.splice(0)) this.#obey(order);
      if (!first) this.#tick();
    });
  }

  die(exit: WorkerExit): void {
    if (!this.process.isAlive) return;
    this.process.kill();
    this.#port.exited(exit);
  }

  #obey(order: WorkerOrder): void {
    switch (order.type) {
      case 'init':
        return;
      case 'plan':
        this.#plan(order);
        return;
      case 'data':
        this.#world.truth.got(this.#init.run, 'setup', order.data);
        this.process.after(this.#random.between(0, 50), () => this.#say({ type: 'ready' }));
        return;
      case 'call':
        this.#call(order.fn);
        return;
      case 'stop':
        this.#stop();
        return;
      case 'end':
        this.#end();
        return;
      case 'reply': {
        const answered = this.#asked.get(order.id);
        this.#asked.delete(order.id);
        answered?.(order.result, order.error !== undefined);
      }
    }
  }

  #call(fn: 'setup' | 'teardown' | 'handleSummary'): void {
    this.process.after(this.#random.between(1, 200), () => {
      if (fn === 'setup' && this.#wish.wrong === 'setup') {
        const error = { phase: 'setup', code: 'SETUP_FAILED', message: 'setup threw' } as const;
        this.#say({ type: 'called', fn, error });
      } else {
        const value = fn === 'handleSummary' ? { stdout: 'fine' } : { token: this.#random.hex(8) };
        this.#say({ type: 'called', fn, value });
      }
    });
  }

  #plan(plan: PlanOrder): void {
    if (this.#plans.some((each) => each.generation === plan.generation)) return;
    this.#plans.push(plan);
    if (plan.generation === 0) {
      this.#options = plan.options as ResolvedOptions;
      this.#scenario = this.#options.scenarios.find(isArrival) ?? null;
      this.#slots = this.#scenario === null ? null : scheduleOf(this.#scenario);
      return;
    }
    this.#startAt ??= plan.startAt;
    if (this.#begun) this.#replan();
    else if (plan.generation === 1 && plan.startAt !== null)
      this.process.at(this.#port.whenShows(plan.startAt), () => this.#beginLoad());
  }

  // The load

  #beginLoad(): void {
    if (this.#begun || this.#exiting !== null) return;
    this.#begun = true;
    this.#say({ type: 'started', atMs: this.#runMs });
    this.#replan();
    if (this.#wish.agree) this.#agree();
    const { abortsAtMs } = this.#wish;
    if (abortsAtMs !== null && this.#init.worker === 0)
      this.process.after(abortsAtMs, () => {
        if (!this.#finished) this.#say({ type: 'abort', reason: 'the test aborts' });
      });
    this.#turn();
  }

  #turn(): void {
    this.process.after(TICK_MS * this.#random.between(0.5, 1.2), () => {
      if (!this.#isBlocked) this.#tick();
      else this.#watch();
      if (!this.#finished) this.#turn();
    });
  }

  /** The watchdog, which looks while the main loop is blocked. */
  #watch(): void {
    const now = this.#port.now();
    if (this.#right.until > 0 && now > this.#right.until + EXPIRED_MS)
      this.die({ reason: 'lapsed', code: null, signal: 'SIGKILL', where: null, message: 'its right to load was over' });
  }

  #tick(): void {
    if (!this.#begun || this.#finished || this.#exiting !== null) return;
    this.#sealUpTo(this.#runMs);
    this.#startDue();
    this.#workShare();
    const now = this.#port.now();
    this.#busyUntil = this.#busyUntil.filter((until) => until > now);
    if (!this.#isThrough(now)) return;
    this.#finish();
    this.#say({ type: 'done', outcome: this.#stopped ? 'stopped' : 'done' });
  }

  #isThrough(now: number): boolean {
    if (this.#stoppedAtMs !== null && now > this.#stoppedAtMs + GRACEFUL_MS) return true;
    return (this.#cursors.length === 0 || this.#stopped) && this.#busyUntil.length === 0 && this.#shareIsOver(now);
  }

  #replan(): void {
    const plans = this.#plans.filter((plan) => plan.generation > 0);
    for (; this.#seen < plans.length; this.#seen += 1) {
      const plan = plans[this.#seen];
      if (plan === undefined || this.#slots === null) continue;
      const fromUs = plan.fromMs * 1_000;
      for (const each of this.#cursors) {
        each.cursor.endAt(fromUs);
        each.endUs = Math.min(each.endUs, fromUs);
      }
      const { agent, worker, workers } = this.#init;
      const stripe = shareOf(plan, agent.id, worker, workers, false);
      if (stripe !== null)
        this.#cursors.push({
          generation: plan.generation,
          cursor: new SlotCursor(this.#slots, stripe, fromUs),
          stripe,
          endUs: Number.MAX_SAFE_INTEGER,
        });
    }
  }

  #startDue(): void {
    for (;;) {
      const [current] = this.#cursors;
      if (this.#stopped || current === undefined) return;
      const { dueUs } = current.cursor;
      if (dueUs === Number.POSITIVE_INFINITY) {
        this.#cursors.shift();
        continue;
      }
      const lateMs = this.#runMs - dueUs / 1_000;
      if (lateMs < 0) return;
      if (!this.#mayStart(this.#port.now())) {
        this.#quietSinceMs ??= this.#runMs;
        if (this.#leftToOthers(current)) continue;
        return;
      }
      const { slot } = current.cursor;
      current.cursor.advance();
      if (lateMs > MAX_LATENESS_MS) {
        this.#drop(this.#quietSinceMs === null ? 'late' : 'lease', 1);
        continue;
      }
      this.#quietSinceMs = null;
      this.#open.started += 1;
      this.#port.started(slot, current.generation);
      this.#busyUntil.push(this.#port.now() + this.#random.between(1, 250));
    }
  }

  /** The plan that follows has no place for this agent: what it did not start until then was not started. */
  #leftToOthers({ cursor, stripe, endUs }: Cursor): boolean {
    if (this.#slots === null || this.#cursors.length > 1 || endUs / 1_000 > this.#runMs) return false;
    this.#drop('lease', countSlots(this.#slots, stripe, cursor.dueUs, endUs));
    this.#cursors.shift();
    return true;
  }

  #drop(reason: string, count: number): void {
    if (count > 0) this.#open.dropped[reason] = (this.#open.dropped[reason] ?? 0) + count;
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#stoppedAtMs = this.#port.now();
    if (!this.#begun) return;
    for (const { cursor, stripe, endUs } of this.#cursors)
      if (this.#slots !== null && cursor.dueUs !== Number.POSITIVE_INFINITY)
        this.#drop('stopped', countSlots(this.#slots, stripe, cursor.dueUs, endUs));
  }

  // What is sealed

  #sealUpTo(runMs: number): void {
    while ((this.#second + 1) * SECOND_MS <= runMs) this.#seal((this.#second + 1) * SECOND_MS);
  }

  #seal(sealedToMs: number): void {
    const window = new Uint8Array(1);
    const { started, dropped } = this.#open;
    this.#world.seconds.set(window, { second: this.#second, sealedToMs, started, dropped });
    this.#open = { started: 0, dropped: {} };
    this.#say({ type: 'window', second: this.#second, sealedToMs, window });
    this.#second += 1;
  }

  #finish(): void {
    if (this.#finished || !this.#begun) return;
    this.#finished = true;
    const runMs = this.#runMs;
    this.#sealUpTo(runMs);
    this.#seal(runMs);
  }

  /** Seals what is open and exits. */
  #end(): void {
    this.#finish();
    this.#exiting = { reason: 'asked', code: 0, signal: null, where: null, message: 'it was told to end' };
    this.process.after(this.#random.between(0, 100), () => {
      if (this.#exiting !== null) this.die(this.#exiting);
    });
  }

  // What is agreed upon

  #ask(question: (id: number) => WorkerNews, answered: (result: unknown, failed: boolean) => void): void {
    this.#lastQuestion += 1;
    this.#asked.set(this.#lastQuestion, answered);
    this.#say(question(this.#lastQuestion));
  }

  /** What a script may do: a value made once, a meeting, unique rows. */
  #agree(): void {
    this.#ask(
      (id) => ({ type: 'once.get', id, name: 'token' }),
      (result, failed) => {
        const once = failed ? null : OnceResult.parse(result);
        if (once?.compute === true) this.process.after(this.#random.between(1, 300), () => this.#makeToken());
        else if (once !== null) this.#haveToken(once.value);
      },
    );
    this.#claimRows(3);
  }

  #makeToken(): void {
    const value = this.#random.hex(8);
    this.#ask(
      (id) => ({ type: 'once.put', id, name: 'token', value }),
      (result, failed) => {
        const once = OnceResult.safeParse(result);
        if (!failed) this.#haveToken(once.success && !once.data.compute ? once.data.value : value);
      },
    );
  }

  #haveToken(value: unknown): void {
    this.#world.truth.got(this.#init.run, 'token', value);
    this.#ask(
      (id) => ({ type: 'barrier', id, name: 'all' }),
      () => undefined,
    );
  }

  #claimRows(times: number): void {
    const { run } = this.#init;
    if (times === 0 || this.#finished) return;
    this.#ask(
      (id) => ({ type: 'claim', id, name: 'rows', mode: 'at-most-once', count: 5, confirmed: 0 }),
      (result, failed) => {
        if (failed) return;
        const { from, count } = ClaimResult.parse(result);
        this.#world.truth.claimed(run, 'rows', from, count);
        this.process.after(this.#random.between(50, 800), () => this.#claimRows(times - 1));
      },
    );
  }

  // What is shared

  #shareIsOver(now: number): boolean {
    const scenario = this.#options?.scenarios.find((each) => each.name === SHARE);
    if (this.#share.over || scenario === undefined) return true;
    return (this.#stopped || this.#runMs > activeMsOf(scenario)) && now >= this.#share.busyUntil;
  }

  /** One user at a time takes the next of what the whole cluster shares. */
  #workShare(): void {
    const share = this.#share;
    const now = this.#port.now();
    if (share.over || this.#stopped || now < share.busyUntil) return;
    const [range] = share.ranges;
    if (range === undefined) {
      if (!share.asking) this.#claimShare();
      return;
    }
    if (!this.#mayStart(now)) return;
    range[0] += 1;
    range[1] -= 1;
    if (range[1] === 0) share.ranges.shift();
    share.confirmed += 1;
    share.busyUntil = now + this.#random.between(5, 80);
  }

  #claimShare(): void {
    const share = this.#share;
    share.asking = true;
    const { confirmed } = share;
    this.#ask(
      (id) => ({ type: 'claim', id, name: `iterations:${SHARE}`, mode: 'at-least-once', count: 10, confirmed }),
      (result, failed) => {
        share.asking = false;
        if (failed) return;
        const { from, count, exhausted } = ClaimResult.parse(result);
        if (count > 0) share.ranges.push([from, count]);
        else if (exhausted) share.over = true;
      },
    );
  }
}
