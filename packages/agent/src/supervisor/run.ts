import type { WorkerNews } from '@muster/engine';
import type { AgentMessage, BundleHash, Code, Grant, Plan, RunId } from '@muster/protocol';
import type { Streams } from '../outbox/streams.js';
import type { WorkerExit } from '../worker-host/worker-exit.js';
import { AuthorCalls } from './author-calls.js';
import { BundleFetch } from './bundle-fetch.js';
import type { ClockEstimate } from './clock-estimator.js';
import type { FromAgent, FromBroker } from './messages.js';
import type { Questions } from './questions.js';
import { RightToLoad } from './right-to-load.js';
import { RunFaults } from './run-faults.js';
import { type RunTimes, readRunTimes } from './run-options.js';
import { isBefore, type Outcome, type RunState } from './run-state.js';
import { RunStream } from './run-stream.js';
import type { SupervisorConfig } from './supervisor-config.js';
import { earliest, NEVER, type Turn } from './turn.js';
import { cut, deathOf, errorOf, type Fault, faultOf, valueFault } from './worker-fault.js';
import { initOrders, planOrder } from './worker-orders.js';
import { WorkerQuestions } from './worker-questions.js';
import { WorkerSet } from './worker-set.js';

/** What a run uses of the supervisor that it belongs to. */
export interface RunPort {
  readonly questions: Questions;
  readonly streams: Streams;
  /** Says it if the link is up. What matters is said again: see {@link Run.repeat}. */
  send(turn: Turn, message: AgentMessage): void;
  /** A line of the author's or of a worker, within a budget. */
  workerLog(turn: Turn, worker: number, level: 'debug' | 'info' | 'warn' | 'error', message: string): void;
  clock(nowMs: number): ClockEstimate | null;
  /** When the broker was last heard, when it surely lived, and for how long it grants. */
  broker(): { readonly heardMs: number; readonly livedMs: number; readonly leaseMs: number };
  /** Nothing of the run is left but its outbox. */
  released(turn: Turn, run: RunId): void;
}

/** How long after the longest graceful stop a worker that is not done is ended by the ladder. */
const STOP_MARGIN_MS = 15_000;

/** The run that the agent works for, from `prepare` to `slot.released`. Its states are those of {@link RunState}. */
export class Run {
  readonly id: RunId;
  readonly #prepare: FromBroker<'prepare'>;
  readonly #config: SupervisorConfig;
  readonly #port: RunPort;
  readonly #workers: WorkerSet;
  readonly #asks: WorkerQuestions;
  readonly #stream: RunStream;
  readonly #right = new RightToLoad();
  readonly #calls: AuthorCalls;
  readonly #faults: RunFaults;
  #state: RunState = { s: 'fetching' };
  #prepared: FromAgent<'prepared'> | null = null;
  #times: RunTimes = readRunTimes({});
  #generation = -1;
  #startAt: number | null = null;
  /** A plan that came before the first answer to a beat: without an offset its start means nothing. */
  #waitingPlan: Plan | null = null;
  #startedAtMs: number | null = null;
  #stopped = false;
  #forgotten = false;

  constructor(prepare: FromBroker<'prepare'>, config: SupervisorConfig, port: RunPort) {
    this.id = prepare.run;
    this.#prepare = prepare;
    this.#config = config;
    this.#port = port;
    this.#workers = new WorkerSet(config.ladderMs);
    this.#asks = new WorkerQuestions(prepare.run, port.questions, this.#workers);
    this.#stream = new RunStream(port.streams, prepare.run, config.agent, config.identity.boot);
    this.#faults = new RunFaults(prepare.run, (turn, message) => port.send(turn, message));
    this.#calls = new AuthorCalls(prepare.run, {
      questions: port.questions,
      workers: this.#workers,
      times: () => this.#times,
      haveData: (turn, data) => this.#haveData(turn, data),
      tornDown: (turn) => this.#tornDown(turn),
      fault: (turn, fault) => this.#workerFault(turn, fault),
    });
  }

  get state(): RunState['s'] {
    return this.#state.s;
  }
  /** Highest plan that is held; -1 before plan 0. */
  get generation(): number {
    return this.#generation;
  }
  get vus(): number {
    return this.#workers.vus;
  }
  get aliveWorkers(): number {
    return this.#workers.alive;
  }
  takeLagMs(): number {
    return this.#workers.takeLagMs();
  }

  begin(turn: Turn): void {
    turn.do({ type: 'bundle.find', hash: this.#prepare.bundle.hash });
  }

  bundleMissing(turn: Turn, hash: BundleHash): void {
    const { bundle } = this.#prepare;
    if (this.#state.s !== 'fetching' || hash !== bundle.hash) return;
    new BundleFetch(bundle, this.#port.questions, {
      done: (then, chunks) => then.do({ type: 'bundle.store', hash: bundle.hash, chunks }),
      failed: (then, code, message) => this.bundleFailed(then, bundle.hash, code, message),
    }).start(turn);
  }

  bundleFailed(turn: Turn, hash: BundleHash, code: string, message: string): void {
    if (this.#state.s !== 'fetching' || hash !== this.#prepare.bundle.hash) return;
    this.#fail(turn, { type: 'fault', run: this.id, phase: 'prepare', code: cut(code, 64), message, fatal: true });
  }

  bundleFound(turn: Turn, hash: BundleHash, path: string): void {
    if (this.#state.s !== 'fetching' || hash !== this.#prepare.bundle.hash) return;
    this.#state = { s: 'loading' };
    this.#workers.start(turn, initOrders(this.#prepare, path, this.#config));
  }

  /** A worker says something. */
  news(turn: Turn, worker: number, news: WorkerNews): void {
    switch (news.type) {
      case 'loaded':
        this.#loaded(turn, worker, news);
        return;
      case 'ready':
        this.#workers.reached(worker, 'ready');
        if (this.#state.s === 'making' && this.#workers.all('ready')) {
          this.#state = { s: 'ready', repeatMs: NEVER };
          this.repeat(turn);
        }
        return;
      case 'started':
        if (this.#startedAtMs !== null) return;
        this.#startedAtMs = news.atMs;
        this.#port.send(turn, { type: 'started', run: this.id, atMs: news.atMs });
        return;
      case 'window':
        this.#workers.sealed(worker, news.sealedToMs);
        this.#stream.window(turn, worker, news.window, news.samples);
        this.#checkRoom(turn);
        return;
      case 'done':
        this.#workers.reached(worker, 'done');
        this.#checkDone(turn);
        return;
      case 'stats':
        this.#workers.stats(worker, news.vus, news.lagMs);
        return;
      case 'fault':
        this.#workerFault(turn, faultOf(this.id, worker, news.fault, news.fatal));
        return;
      case 'log':
        this.#port.workerLog(turn, worker, news.level, news.message);
        return;
      case 'abort':
        this.#faults.scriptAborts(turn, worker, news.reason);
        return;
      case 'called':
        this.#calls.called(turn, news);
        return;
      case 'claim':
      case 'once.get':
      case 'once.put':
      case 'barrier':
        if (isBefore(this.#state, 'closing')) this.#asks.ask(turn, worker, news);
    }
  }

  #loaded(turn: Turn, worker: number, news: Extract<WorkerNews, { readonly type: 'loaded' }>): void {
    this.#workers.reached(worker, 'loaded');
    this.#prepared ??= {
      type: 'prepared',
      run: this.id,
      options: news.options,
      functions: news.functions.map((name) => cut(name, 256)).slice(0, 1_000),
      metrics: news.metrics.map((metric) => ({ ...metric, name: cut(metric.name, 256) })).slice(0, 10_000),
    };
    if (this.#state.s !== 'loading' || !this.#workers.all('loaded')) return;
    this.#state = { s: 'prepared', repeatMs: NEVER };
    this.repeat(turn);
  }

  /** A plan of the broker; one that is held already is acknowledged again. */
  plan(turn: Turn, plan: Plan): void {
    if (plan.generation <= this.#generation) {
      this.#ack(turn, plan.generation);
      return;
    }
    if (plan.generation === 0) {
      if (this.#state.s === 'prepared') this.#makeUsers(turn, plan);
      return;
    }
    if (isBefore(this.#state, 'ready')) return;
    if (isBefore(this.#state, 'closing') && !this.#follow(turn, plan)) return;
    this.#generation = plan.generation;
    this.#ack(turn, plan.generation);
  }

  #makeUsers(turn: Turn, plan: Plan): void {
    this.#times = readRunTimes(plan.options);
    this.#workers.orderAll(turn, planOrder(plan, null));
    this.#generation = 0;
    this.#state = { s: 'making' };
    this.#ack(turn, 0);
    if (this.#exports('setup')) this.#calls.setup(turn);
    else this.#haveData(turn, undefined);
  }

  #haveData(turn: Turn, data: unknown): void {
    if (this.#state.s !== 'making') return;
    this.#workers.orderAll(turn, { type: 'data', data });
  }

  /** Hands a plan with a start on to the workers. @returns false when that must wait for the clock. */
  #follow(turn: Turn, plan: Plan): boolean {
    if (plan.startAtMs === null) {
      turn.log('error', `plan ${plan.generation} has no start: ignored`);
      return false;
    }
    const clock = this.#port.clock(turn.nowMs);
    if (this.#startAt === null && clock === null) {
      this.#waitingPlan = plan;
      return false;
    }
    // Chosen once: a start that moved with each estimate would tear the schedule.
    this.#startAt ??= plan.startAtMs - (clock?.offsetMs ?? 0);
    this.#right.hold(plan, this.#startAt);
    this.#stream.open();
    this.#workers.orderAll(turn, planOrder(plan, this.#startAt));
    if (this.#state.s === 'ready') this.#state = { s: 'running' };
    return true;
  }

  #ack(turn: Turn, generation: number): void {
    this.#port.send(turn, { type: 'plan.ack', run: this.id, generation });
  }

  grant(turn: Turn, grant: Grant): void {
    const clock = this.#port.clock(turn.nowMs);
    if (clock !== null && this.#isLoading && grant.run === this.id) this.#right.grant(turn, grant, clock);
  }

  get #isLoading(): boolean {
    return this.#state.s === 'running' || this.#state.s === 'stopping';
  }

  /** The first answer to a beat came: a plan that waited for it can be followed. */
  clockKnown(turn: Turn): void {
    const waiting = this.#waitingPlan;
    this.#waitingPlan = null;
    if (waiting !== null) this.plan(turn, waiting);
  }

  /** The broker's process is dead: the orphan lease, if the run has one, or the end of the load. */
  orphaned(turn: Turn): void {
    if (this.#state.s !== 'running') return;
    const { mode, leaseMs } = this.#prepare.orphan;
    if (mode === 'stop') {
      this.stop(turn, 'the broker is gone');
      return;
    }
    if (this.#right.isOrphan) return;
    const { livedMs, leaseMs: grantMs } = this.#port.broker();
    if (this.#right.orphan(turn, livedMs, leaseMs, grantMs))
      turn.log('warn', `the broker is gone: the load goes on for ${Math.round(leaseMs / 1_000)} s without it`);
  }

  stop(turn: Turn, reason: string): void {
    if (isBefore(this.#state, 'running')) {
      this.#end(turn, 'stopped');
      return;
    }
    if (this.#state.s === 'finished') this.repeat(turn);
    if (this.#state.s !== 'running') return;
    this.#stopped = true;
    this.#state = { s: 'stopping', giveUpMs: turn.nowMs + this.#times.gracefulStopMs + STOP_MARGIN_MS };
    this.#workers.orderAll(turn, { type: 'stop', reason });
    this.#checkDone(turn);
  }

  abort(turn: Turn): void {
    if (this.#state.s === 'finished') this.repeat(turn);
    else this.#end(turn, 'aborted');
  }

  /** The run is over for the broker. */
  forget(turn: Turn): void {
    this.#forgotten = true;
    if (this.#state.s === 'finished') this.#release(turn);
    else this.#end(turn, 'aborted');
  }

  /** At once: whoever asked has asked twice. */
  kill(turn: Turn): void {
    this.#forgotten = true;
    this.#end(turn, 'aborted');
    this.#workers.kill(turn);
  }

  #checkDone(turn: Turn): void {
    if (!this.#isLoading || !this.#workers.all('done')) return;
    const outcome = this.#stopped ? 'stopped' : 'done';
    this.#state = { s: 'closing', outcome };
    if (!this.#exports('teardown')) {
      this.#tornDown(turn);
      return;
    }
    this.#port.questions.ask(turn, { type: 'barrier.arrive', run: this.id, name: 'load-done' }, (then, answer) => {
      if (answer.ok) this.#calls.teardown(then);
      else this.#tornDown(then);
    });
  }

  #tornDown(turn: Turn): void {
    if (this.#state.s === 'closing') this.#seal(turn, this.#state.outcome);
  }

  #exports(name: string): boolean {
    return this.#prepared?.functions.includes(name) === true;
  }

  /** Runs the author's `handleSummary`. */
  summarize(turn: Turn, { summary }: FromBroker<'summarize'>): void {
    this.#calls.handleSummary(turn, summary, this.#state.s === 'finished');
  }

  #workerFault(turn: Turn, fault: Fault): void {
    if (fault.fatal) this.#fail(turn, fault);
    else this.#faults.passing(turn, fault);
  }

  /** A worker process is gone. */
  exited(turn: Turn, worker: number, exit: WorkerExit): void {
    const asked = this.#workers.exited(worker, exit);
    if (this.#stream.isOpen && exit.reason !== 'asked' && !this.#workers.isDone(worker)) {
      const toMs = turn.nowMs - (this.#startAt ?? turn.nowMs);
      this.#stream.gap(worker, this.#workers.sealedToMs(worker), toMs, exit.message);
    }
    if (!asked) this.#died(turn, worker, exit);
    this.#asks.lost(turn);
    if (this.#workers.alive > 0) return;
    if (this.#state.s === 'ending') this.#seal(turn, this.#state.outcome);
    if (this.#state.s === 'releasing') this.#release(turn);
  }

  #died(turn: Turn, worker: number, exit: WorkerExit): void {
    turn.log('error', `worker ${worker}: ${exit.message}`);
    if (isBefore(this.#state, 'closing')) {
      this.#fail(turn, deathOf(this.id, worker, PHASES[this.#state.s] ?? 'run', exit));
      return;
    }
    // What it was to seal is sealed; only what it was at outside of the load is lost.
    if (worker === 0) this.#calls.died(turn, exit);
  }

  /** The agent can't go on with the run. */
  #fail(turn: Turn, fault: Fault): void {
    this.#faults.ending(turn, fault);
    this.#end(turn, 'failed');
  }

  /** The disk is full and so is the memory that stands in for it. */
  #checkRoom(turn: Turn): void {
    if (!this.#port.streams.overflowing || !isBefore(this.#state, 'ending')) return;
    const message = 'the disk of the outbox is full, and what waits for it has filled its memory: free some room';
    this.#fail(turn, { type: 'fault', run: this.id, phase: 'run', code: 'DISK_FULL', message, fatal: true });
  }

  /** A message of this run can't be carried. */
  unsendable(turn: Turn, message: AgentMessage, code: Code, why: string): void {
    if (message.type === 'prepared')
      this.#fail(turn, { type: 'fault', run: this.id, phase: 'prepare', code, message: cut(why), fatal: true });
    if (message.type !== 'once.put' || message.error !== undefined) return;
    const { value: _, ...rest } = message;
    const fault = valueFault(this.id, message.name, why);
    this.#port.questions.replace(turn, { ...rest, error: errorOf(fault) });
    this.#workerFault(turn, fault);
  }

  #end(turn: Turn, outcome: Outcome): void {
    if (!isBefore(this.#state, 'ending')) return;
    this.#state = { s: 'ending', outcome };
    this.#port.questions.withdrawRun(this.id);
    this.#workers.end(turn);
    if (this.#workers.alive === 0) this.#seal(turn, outcome);
  }

  #seal(turn: Turn, outcome: Outcome): void {
    this.#state = { s: 'sealing', outcome };
    this.#stream.close(turn, outcome);
    this.outboxMoved(turn);
  }

  /** The outbox has written, or said that it can't. */
  outboxMoved(turn: Turn): void {
    if (this.#state.s !== 'sealing' || !this.#stream.isSafe) return;
    if (this.#forgotten) {
      this.#release(turn);
      return;
    }
    this.#state = { s: 'finished', outcome: this.#state.outcome, repeatMs: NEVER };
    this.#workers.end(turn, this.#exports('handleSummary') ? 0 : null);
    this.repeat(turn);
  }

  #release(turn: Turn): void {
    this.#state = { s: 'releasing' };
    this.#port.questions.withdrawRun(this.id);
    this.#workers.end(turn);
    if (this.#workers.alive === 0) this.#port.released(turn, this.id);
  }

  /** A broker is there again. */
  welcomed(turn: Turn): void {
    this.#right.adopted();
    if (this.#generation >= 0) this.#ack(turn, this.#generation);
    if (this.#startedAtMs !== null) this.#port.send(turn, { type: 'started', run: this.id, atMs: this.#startedAtMs });
    this.repeat(turn);
  }

  /** Says again what the broker has not reacted to. */
  repeat(turn: Turn): void {
    const state = this.#state;
    const repeatMs = turn.nowMs + this.#config.repeatMs;
    switch (state.s) {
      case 'prepared':
        this.#state = { ...state, repeatMs };
        if (this.#prepared !== null) this.#port.send(turn, this.#prepared);
        return;
      case 'ready':
        this.#state = { ...state, repeatMs };
        this.#port.send(turn, { type: 'ready', run: this.id });
        return;
      case 'finished':
        this.#state = { ...state, repeatMs };
        this.#faults.repeat(turn);
        this.#port.send(turn, {
          type: 'finished',
          run: this.id,
          outcome: state.outcome,
          streams: this.#stream.tails,
        });
    }
  }

  get nextMs(): number {
    const state = this.#state;
    const own =
      state.s === 'prepared' || state.s === 'ready' || state.s === 'finished'
        ? state.repeatMs
        : state.s === 'stopping'
          ? state.giveUpMs
          : state.s === 'running'
            ? this.#right.orphanEndMs
            : state.s === 'closing'
              ? this.#closingPatienceMs
              : NEVER;
    return earliest(own, this.#workers.nextMs, this.#isLoading ? this.#right.nextMs : NEVER);
  }

  /** Without a broker nobody can say that all have arrived: then the stream is closed without `teardown`. */
  get #closingPatienceMs(): number {
    return this.#port.broker().heardMs + Math.max(this.#prepare.orphan.leaseMs, this.#times.teardownMs);
  }

  due(turn: Turn): void {
    const { nowMs } = turn;
    this.#workers.due(turn);
    if (this.#isLoading) this.#right.due(turn);
    const state = this.#state;
    if ('repeatMs' in state && nowMs >= state.repeatMs) this.repeat(turn);
    if (state.s === 'stopping' && nowMs >= state.giveUpMs) this.#end(turn, 'stopped');
    if (state.s === 'running' && nowMs >= this.#right.orphanEndMs) this.stop(turn, 'the orphan lease is over');
    if (state.s === 'closing' && nowMs >= this.#closingPatienceMs) this.#tornDown(turn);
  }
}

const PHASES: Partial<Record<RunState['s'], Fault['phase']>> = {
  loading: 'prepare',
  prepared: 'prepare',
  making: 'setup',
};
