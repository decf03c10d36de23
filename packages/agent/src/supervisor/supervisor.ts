import type { WorkerNews } from '@muster/engine';
import { type AgentId, type BrokerMessage, NATIVE_VERSIONS, type StreamTail, TIMES } from '@muster/protocol';
import { ClockEstimate } from './clock-estimate.js';
import type { SupervisorEffect, SupervisorEvent, Vitals } from './events.js';
import { newRun, type RunAtWork } from './run-at-work.js';

/** Who this agent is and what it may use. */
export interface SupervisorConfig {
  readonly id: AgentId;
  readonly node: string;
  readonly boot: string;
  readonly version: string;
  readonly token?: string;
  readonly hostname: string;
  readonly pid: number;
  readonly cores: number;
  readonly workers: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly memoryBytes: number;
  /** Rows kept per second and agent when a run thins them. @default 5_000 */
  readonly rowsPerSecond: number;
}

type Message<T extends BrokerMessage['type']> = Extract<BrokerMessage, { type: T }>;

/** Beats that follow each other at once after `welcome`, so that the clock's error is small from the start. */
const QUICK_BEATS = 8;

/**
 * The agent as a state machine without I/O: it takes an event and the time, and gives what is to be done. Signed on it
 * works for at most one run; it starts nothing without a right to load for a plan that it holds.
 */
export class Supervisor {
  readonly #config: SupervisorConfig;
  readonly #clock = new ClockEstimate();
  #link: { s: 'down' } | { s: 'greeting' } | { s: 'up'; beatMs: number; leaseMs: number } = { s: 'down' };
  #brokerBoot: string | null = null;
  #run: RunAtWork | null = null;
  #streams: readonly StreamTail[] = [];
  #draining = false;
  #seq = 0;
  #quick = 0;
  #vitals: Vitals = { cpu: 0, rssBytes: 0, outboxBytes: 0, loopLagMs: 0 };
  #effects: SupervisorEffect[] = [];

  constructor(config: SupervisorConfig) {
    this.#config = config;
  }

  /** What the agent works for; for the shell's log and for tests. */
  get run(): { readonly run: string; readonly phase: string; readonly generation: number } | null {
    return this.#run === null
      ? null
      : { run: this.#run.run, phase: this.#run.phase, generation: this.#generation(this.#run) };
  }

  /** Signed on with a broker. */
  get linked(): boolean {
    return this.#link.s === 'up';
  }

  handle(event: SupervisorEvent, nowMs: number): SupervisorEffect[] {
    this.#effects = [];
    switch (event.type) {
      case 'connected':
        this.#streams = event.streams;
        this.#hello();
        break;
      case 'disconnected':
        this.#link = { s: 'down' };
        break;
      case 'broker.refused':
        this.#orphaned(nowMs);
        break;
      case 'message':
        this.#message(event.message, nowMs);
        break;
      case 'bundle.ready':
        this.#bundleReady(event.run, event.path);
        break;
      case 'bundle.failed':
        if (this.#run?.run === event.run && this.#run.phase === 'fetching') {
          this.#fault(
            this.#run,
            undefined,
            { phase: 'prepare', code: event.code, message: event.message },
            true,
            nowMs,
          );
        }
        break;
      case 'worker.news':
        if (this.#run !== null) this.#news(this.#run, event.worker, event.news, nowMs);
        break;
      case 'worker.exit':
        if (this.#run !== null) this.#workerGone(this.#run, event.worker, event.fault, nowMs);
        break;
      case 'stream.closed':
        this.#streamClosed(event.run, event.tail);
        break;
      case 'timer':
        this.#timer(event.timer, nowMs);
        break;
      case 'vitals':
        this.#vitals = event.vitals;
        break;
      case 'drain':
        this.#drain(nowMs);
        break;
    }
    return this.#effects;
  }

  #do(...effects: SupervisorEffect[]): void {
    this.#effects.push(...effects);
  }
  #generation(run: RunAtWork): number {
    return run.plans.at(-1)?.generation ?? -1;
  }

  // Signing on, beats, clock

  #hello(): void {
    const { id: _, rowsPerSecond: __, memoryBytes, token, ...who } = this.#config;
    this.#link = { s: 'greeting' };
    this.#do({
      type: 'send',
      message: {
        type: 'hello',
        ...who,
        labels: { ...who.labels },
        protocol: NATIVE_VERSIONS,
        ...(token === undefined ? {} : { token }),
        capacity: { memoryBytes },
        run: this.#run === null ? null : { run: this.#run.run, generation: this.#generation(this.#run) },
        streams: [...this.#streams],
      },
    });
  }

  #welcome(message: Message<'welcome'>): void {
    if (this.#brokerBoot !== message.boot) this.#clock.reset();
    this.#brokerBoot = message.boot;
    this.#link = { s: 'up', beatMs: message.beatMs, leaseMs: message.leaseMs };
    this.#quick = QUICK_BEATS;
    if (this.#run !== null) this.#run.orphanSinceMs = null;
    this.#do(
      { type: 'connect-receiver', endpoint: message.receiver },
      { type: 'outbox.connected' },
      { type: 'timer', timer: 'beat', afterMs: 0 },
    );
  }

  #beat(nowMs: number): void {
    if (this.#link.s !== 'up') return;
    this.#seq += 1;
    const workers = this.#run?.workers ?? [];
    this.#do(
      {
        type: 'send',
        message: {
          type: 'beat',
          seq: this.#seq,
          sentMs: nowMs,
          lagMs: Math.max(this.#vitals.loopLagMs, ...workers.map((worker) => worker.lagMs)),
          cpu: this.#vitals.cpu,
          rssBytes: this.#vitals.rssBytes,
          vus: workers.reduce((sum, worker) => sum + worker.vus, 0),
          outboxBytes: this.#vitals.outboxBytes,
          clock: this.#clock.at(nowMs),
        },
      },
      { type: 'timer', timer: 'beat', afterMs: this.#link.beatMs },
    );
  }

  #beatAnswered(beat: Message<'beat'>, nowMs: number): void {
    this.#clock.add({ sentMs: beat.sentMs, heardMs: beat.receivedMs, answeredMs: beat.answeredMs, receivedMs: nowMs });
    if (this.#quick > 0) {
      this.#quick -= 1;
      this.#do({ type: 'timer', timer: 'beat', afterMs: 0 });
    }
    const run = this.#run;
    const clock = this.#clock.at(nowMs);
    if (beat.grant === null || run === null || clock === null || beat.grant.run !== run.run) return;
    if (beat.grant.generation !== this.#generation(run)) return;
    this.#do({
      type: 'grant',
      generation: beat.grant.generation,
      until: beat.grant.untilMs - clock.offsetMs - clock.boundMs,
    });
  }

  // The broker's messages

  #message(message: BrokerMessage, nowMs: number): void {
    switch (message.type) {
      case 'welcome':
        this.#welcome(message);
        return;
      case 'refuse':
        this.#do({ type: 'log', level: 'error', text: `the broker refuses this agent: ${message.message}` });
        return;
      case 'beat':
        this.#beatAnswered(message, nowMs);
        return;
      case 'ack':
        this.#do({ type: 'outbox.ack', stream: message.stream, upTo: message.upTo });
        return;
      case 'resend':
        this.#do({ type: 'outbox.resend', stream: message.stream, from: message.from });
        return;
      case 'prepare':
        this.#prepare(message);
        return;
      case 'drain':
        this.#draining = true;
        return;
      case 'forget':
        if (this.#run?.run === message.run) this.#forget(this.#run, nowMs);
        else this.#do({ type: 'send', message: { type: 'slot.released', run: message.run } });
        return;
      case 'reply':
        if (this.#run !== null) this.#reply(this.#run, message, nowMs);
        return;
      default: {
        const run = this.#run;
        if (run === null || run.run !== message.run) return;
        if (message.type === 'plan') this.#plan(run, message, nowMs);
        else if (message.type === 'stop') this.#stop(run, message.reason);
        else if (message.type === 'abort') this.#end(run, 'aborted', nowMs);
        else if (message.type === 'summarize') this.#summarize(run, message.summary);
      }
    }
  }

  #prepare(message: Message<'prepare'>): void {
    if (this.#run !== null) {
      if (this.#run.run !== message.run) {
        const text = `this agent works for run ${this.#run.run}`;
        this.#do({
          type: 'send',
          message: {
            type: 'fault',
            run: message.run,
            phase: 'prepare',
            code: 'AGENT_BUSY',
            message: text,
            fatal: true,
          },
        });
      }
      return;
    }
    if (this.#draining) {
      this.#do({
        type: 'send',
        message: {
          type: 'fault',
          run: message.run,
          phase: 'prepare',
          code: 'AGENT_BUSY',
          message: 'this agent takes no further run',
          fatal: true,
        },
      });
      return;
    }
    this.#run = newRun(message, this.#config.workers);
    this.#do({ type: 'fetch', run: message.run, hash: message.bundle.hash, size: message.bundle.size });
  }

  #bundleReady(runId: string, path: string): void {
    const run = this.#run;
    if (run === null || run.run !== runId || run.phase !== 'fetching') return;
    run.phase = 'loading';
    const { prepare } = run;
    for (const worker of run.workers) worker.alive = true;
    this.#do({ type: 'start-workers', run: run.run, count: run.workers.length });
    for (const worker of run.workers.keys()) {
      this.#do({
        type: 'order',
        worker,
        order: {
          type: 'init',
          run: run.run,
          name: prepare.name,
          bundlePath: path,
          env: prepare.env,
          seed: prepare.seed,
          raw: prepare.raw,
          rowsPerSecond: Math.max(1, Math.floor(this.#config.rowsPerSecond / run.workers.length)),
          agent: { id: this.#config.id, node: this.#config.node, labels: this.#config.labels },
          worker,
          workers: run.workers.length,
        },
      });
    }
  }

  #plan(run: RunAtWork, plan: Message<'plan'>, nowMs: number): void {
    if (['ending', 'releasing', 'finished'].includes(run.phase)) return;
    const known = run.plans.some((each) => each.generation === plan.generation);
    if (!known) {
      run.plans = [...run.plans, plan];
      const clock = this.#clock.at(nowMs);
      const startAt = plan.startAtMs === null || clock === null ? null : plan.startAtMs - clock.offsetMs;
      const { generation, fromMs, members, options } = plan;
      this.#do({
        type: 'order',
        worker: 'all',
        order: { type: 'plan', generation, fromMs, startAt, members, ...(options === undefined ? {} : { options }) },
      });
      if (generation === 0) this.#ask0(run, options);
      else if (run.phase === 'ready') run.phase = 'running';
    }
    this.#do({ type: 'send', message: { type: 'plan.ack', run: run.run, generation: plan.generation } });
  }

  /** Options are known: the value of `setup` is asked for, or there is none. */
  #ask0(run: RunAtWork, options: unknown): void {
    const known = options as
      | {
          readonly setupTimeoutMs?: number;
          readonly teardownTimeoutMs?: number;
          readonly handleSummaryTimeoutMs?: number;
        }
      | undefined;
    run.timeouts = {
      setupMs: known?.setupTimeoutMs ?? 60_000,
      teardownMs: known?.teardownTimeoutMs ?? 60_000,
      summaryMs: known?.handleSummaryTimeoutMs ?? 120_000,
    };
    if (run.functions.includes('setup'))
      this.#do({ type: 'send', message: { type: 'once.get', id: 's:setup', run: run.run, name: 'setup' } });
    else this.#giveData(run, undefined);
  }

  #giveData(run: RunAtWork, data: unknown): void {
    run.setupData = data;
    run.phase = 'readying';
    this.#do({ type: 'order', worker: 'all', order: { type: 'data', data } });
  }

  #stop(run: RunAtWork, reason: string): void {
    if (run.stopping) return;
    run.stopping = true;
    run.outcome = 'stopped';
    this.#do({ type: 'order', worker: 'all', order: { type: 'stop', reason } });
  }

  /** Answers to this agent's questions: its own (`s:`) and those of its workers (`worker:id`). */
  #reply(run: RunAtWork, reply: Message<'reply'>, nowMs: number): void {
    if (reply.id.startsWith('s:')) {
      this.#ownReply(run, reply, nowMs);
      return;
    }
    const { id, ...rest } = reply;
    const orders = id.startsWith('b:')
      ? (run.barriers.get(id.slice(2)) ?? [])
      : [{ worker: Number(id.split(':')[0]), id: Number(id.split(':')[1]) }];
    if (id.startsWith('b:')) run.barriers.delete(id.slice(2));
    for (const each of orders) {
      this.#do({
        type: 'order',
        worker: each.worker,
        order: {
          type: 'reply',
          id: each.id,
          ...(rest.error === undefined
            ? { result: rest.result }
            : { error: { code: rest.error.code, message: rest.error.message } }),
        },
      });
    }
  }

  #ownReply(run: RunAtWork, reply: Message<'reply'>, nowMs: number): void {
    const result = reply.result as { readonly compute?: boolean; readonly value?: unknown } | undefined;
    switch (reply.id) {
      case 's:setup':
        if (run.phase !== 'prepared') return;
        if (reply.error !== undefined) return;
        if (result?.compute === true) this.#call('setup', undefined, run.timeouts.setupMs);
        else this.#giveData(run, result?.value);
        return;
      case 's:load-done':
        this.#do({ type: 'send', message: { type: 'once.get', id: 's:teardown', run: run.run, name: 'teardown' } });
        return;
      case 's:teardown':
        if (run.phase !== 'closing') return;
        if (result?.compute === true) this.#call('teardown', run.setupData, run.timeouts.teardownMs);
        else this.#closeStream(run, nowMs);
        return;
      default:
        return;
    }
  }

  #call(fn: 'setup' | 'teardown', data: unknown, timeoutMs: number): void {
    this.#do({ type: 'order', worker: 0, order: { type: 'call', fn, data, timeoutMs } });
  }

  #summarize(run: RunAtWork, summary: unknown): void {
    if (run.phase !== 'finished' || run.workers[0]?.alive !== true) {
      this.#do({
        type: 'send',
        message: {
          type: 'once.put',
          id: 's:summary',
          run: run.run,
          name: 'handleSummary',
          error: { code: 'WORKER_DIED', message: 'no worker is left to run handleSummary' },
        },
      });
      return;
    }
    this.#do({
      type: 'order',
      worker: 0,
      order: { type: 'call', fn: 'handleSummary', data: summary, timeoutMs: run.timeouts.summaryMs },
    });
  }

  // The workers' news

  #news(run: RunAtWork, index: number, news: WorkerNews, nowMs: number): void {
    const worker = run.workers[index];
    if (worker === undefined) return;
    switch (news.type) {
      case 'loaded':
        worker.loaded = true;
        run.functions = news.functions;
        if (run.phase === 'loading' && run.workers.every((each) => each.loaded)) {
          run.phase = 'prepared';
          const metrics = news.metrics.map((metric) => ({ ...metric }));
          this.#do({
            type: 'send',
            message: {
              type: 'prepared',
              run: run.run,
              options: news.options ?? null,
              functions: [...news.functions],
              metrics,
            },
          });
        }
        return;
      case 'called':
        this.#called(run, news, nowMs);
        return;
      case 'ready':
        worker.ready = true;
        if (run.phase === 'readying' && run.workers.every((each) => each.ready)) {
          run.phase = 'ready';
          this.#do({ type: 'send', message: { type: 'ready', run: run.run } });
        }
        return;
      case 'started':
        if (!run.startedSaid) this.#do({ type: 'send', message: { type: 'started', run: run.run, atMs: news.atMs } });
        run.startedSaid = true;
        return;
      case 'window':
        worker.sealedToMs = Math.max(worker.sealedToMs, news.sealedToMs);
        this.#do({ type: 'append', run: run.run, kind: 'window', worker: index, payload: news.window });
        if (news.samples !== undefined)
          this.#do({ type: 'append', run: run.run, kind: 'samples', worker: index, payload: news.samples });
        return;
      case 'done':
        worker.done = true;
        if (news.outcome !== 'done' && run.outcome === 'done') run.outcome = news.outcome;
        if (run.phase === 'running' && run.workers.every((each) => each.done)) this.#loadDone(run, nowMs);
        return;
      case 'stats':
        worker.vus = news.vus;
        worker.lagMs = news.lagMs;
        return;
      case 'fault':
        this.#fault(run, index, news.fault, news.fatal, nowMs);
        return;
      case 'log':
        this.#do({
          type: 'send',
          message: { type: 'log', run: run.run, worker: index, level: news.level, message: news.message },
        });
        return;
      case 'abort':
        this.#fault(run, index, { phase: 'run', code: 'TEST_ABORTED', message: news.reason }, false, nowMs);
        return;
      case 'claim':
        this.#do({
          type: 'send',
          message: {
            type: 'claim',
            id: `${index}:${news.id}`,
            run: run.run,
            name: news.name,
            mode: news.mode,
            count: news.count,
            confirmed: this.#confirm(run, news.name, index, news.confirmed),
          },
        });
        return;
      case 'once.get':
        this.#do({
          type: 'send',
          message: { type: 'once.get', id: `${index}:${news.id}`, run: run.run, name: news.name },
        });
        return;
      case 'once.put':
        this.#do({
          type: 'send',
          message: {
            type: 'once.put',
            id: `${index}:${news.id}`,
            run: run.run,
            name: news.name,
            ...(news.error === undefined ? { value: news.value ?? null } : { error: news.error }),
          },
        });
        return;
      case 'barrier':
        this.#barrier(run, news.name, { worker: index, id: news.id });
    }
  }

  #confirm(run: RunAtWork, name: string, worker: number, confirmed: number): number {
    const all = run.confirmed.get(name) ?? new Map<number, number>();
    all.set(worker, Math.max(confirmed, all.get(worker) ?? 0));
    run.confirmed.set(name, all);
    return [...all.values()].reduce((sum, each) => sum + each, 0);
  }

  /** The agent arrives at a barrier when all of its workers have. */
  #barrier(run: RunAtWork, name: string, who: { worker: number; id: number }): void {
    const waiting = [...(run.barriers.get(name) ?? []), who];
    run.barriers.set(name, waiting);
    const living = run.workers.filter((worker) => worker.alive && !worker.done).length;
    if (waiting.length >= living)
      this.#do({ type: 'send', message: { type: 'barrier.arrive', id: `b:${name}`, run: run.run, name } });
  }

  #called(run: RunAtWork, news: Extract<WorkerNews, { type: 'called' }>, nowMs: number): void {
    const id = `s:put:${news.fn}`;
    const name = news.fn;
    if (news.error !== undefined) {
      const { code, message, where } = news.error;
      this.#do({
        type: 'send',
        message: {
          type: 'once.put',
          id,
          run: run.run,
          name,
          error: { code, message, ...(where === undefined ? {} : { where }) },
        },
      });
      this.#fault(run, 0, news.error, news.fn === 'setup', nowMs);
    } else this.#do({ type: 'send', message: { type: 'once.put', id, run: run.run, name, value: news.value ?? null } });
    if (news.fn === 'setup' && news.error === undefined && run.phase === 'prepared') this.#giveData(run, news.value);
    if (news.fn === 'teardown' && run.phase === 'closing') this.#closeStream(run, nowMs);
  }

  #loadDone(run: RunAtWork, nowMs: number): void {
    run.phase = 'closing';
    if (run.functions.includes('teardown'))
      this.#do({
        type: 'send',
        message: { type: 'barrier.arrive', id: 's:load-done', run: run.run, name: 'load-done' },
      });
    else this.#closeStream(run, nowMs);
  }

  #closeStream(run: RunAtWork, _nowMs: number): void {
    this.#do({ type: 'end-stream', run: run.run, payload: { outcome: run.outcome, gaps: run.gaps } });
  }

  #streamClosed(runId: string, tail: StreamTail): void {
    const run = this.#run;
    if (run === null || run.run !== runId || run.phase === 'finished') return;
    this.#do({ type: 'send', message: { type: 'finished', run: run.run, outcome: run.outcome, streams: [tail] } });
    run.phase = 'finished';
    if (run.forgotten) this.#release(run);
  }

  #fault(
    run: RunAtWork,
    worker: number | undefined,
    fault: {
      readonly phase: 'prepare' | 'setup' | 'run' | 'teardown' | 'summary';
      readonly code: string;
      readonly message: string;
      readonly where?: string;
    },
    fatal: boolean,
    nowMs: number,
  ): void {
    this.#do({
      type: 'send',
      message: {
        type: 'fault',
        run: run.run,
        phase: fault.phase,
        code: fault.code,
        message: fault.message,
        fatal,
        ...(worker === undefined ? {} : { worker }),
        ...(fault.where === undefined ? {} : { where: fault.where }),
      },
    });
    if (fatal) this.#end(run, 'failed', nowMs);
  }

  // The end

  #workerGone(
    run: RunAtWork,
    index: number,
    fault: Extract<SupervisorEvent, { type: 'worker.exit' }>['fault'],
    nowMs: number,
  ): void {
    const worker = run.workers[index];
    if (worker === undefined || !worker.alive) return;
    worker.alive = false;
    worker.vus = 0;
    const expected = run.phase === 'ending' || run.phase === 'releasing';
    if (!worker.done && run.startedSaid) {
      const toMs = this.#runMs(run, nowMs);
      if (toMs > worker.sealedToMs && fault !== null)
        run.gaps.push({ worker: index, fromMs: worker.sealedToMs, toMs, why: fault.message });
    }
    if (!expected && fault !== null && run.phase !== 'finished') this.#fault(run, index, fault, true, nowMs);
    if (run.workers.some((each) => each.alive)) return;
    if (run.phase === 'ending') this.#closeStream(run, nowMs);
    else if (run.phase === 'releasing') this.#released(run);
  }

  /** The run's clock now, as well as this agent knows it. */
  #runMs(run: RunAtWork, nowMs: number): number {
    const startAtMs = run.plans.find((plan) => plan.generation === 1)?.startAtMs ?? null;
    const clock = this.#clock.at(nowMs);
    return startAtMs === null || clock === null ? 0 : Math.max(0, nowMs + clock.offsetMs - startAtMs);
  }

  /** Ends the run here and now: workers are asked, then made to go. */
  #end(run: RunAtWork, outcome: 'aborted' | 'failed', nowMs: number): void {
    if (run.phase === 'ending' || run.phase === 'releasing' || run.phase === 'finished') return;
    run.phase = 'ending';
    run.outcome = outcome;
    if (run.workers.some((worker) => worker.alive)) this.#climb(run);
    else this.#closeStream(run, nowMs);
  }

  #climb(run: RunAtWork): void {
    if (run.ladder !== null) return;
    run.ladder = 'asked';
    this.#do(
      { type: 'order', worker: 'all', order: { type: 'end' } },
      { type: 'timer', timer: 'ladder', afterMs: TIMES.ladderMs },
    );
  }

  #forget(run: RunAtWork, nowMs: number): void {
    run.forgotten = true;
    if (run.phase === 'finished') this.#release(run);
    else this.#end(run, 'aborted', nowMs);
  }

  #release(run: RunAtWork): void {
    run.phase = 'releasing';
    if (run.workers.some((worker) => worker.alive)) this.#climb(run);
    else this.#released(run);
  }

  #released(run: RunAtWork): void {
    this.#run = null;
    this.#do({ type: 'send', message: { type: 'slot.released', run: run.run } });
    if (this.#draining) this.#do({ type: 'exit', code: 0 });
  }

  #timer(timer: 'beat' | 'ladder' | 'orphan', nowMs: number): void {
    if (timer === 'beat') this.#beat(nowMs);
    else if (timer === 'orphan') this.#orphanTick(nowMs);
    else if (this.#run?.workers.some((worker) => worker.alive) === true && this.#run.ladder !== null) {
      const harder = this.#run.ladder === 'asked';
      this.#run.ladder = harder ? 'terminated' : 'killed';
      this.#do({ type: 'signal', signal: harder ? 'SIGTERM' : 'SIGKILL' });
      if (harder) this.#do({ type: 'timer', timer: 'ladder', afterMs: TIMES.ladderMs });
    }
  }

  // Without a broker

  #orphaned(nowMs: number): void {
    this.#link = { s: 'down' };
    const run = this.#run;
    if (run === null || run.orphanSinceMs !== null) return;
    run.orphanSinceMs = nowMs;
    this.#do({
      type: 'log',
      level: 'warn',
      text: `the broker is gone; this agent ${run.prepare.orphan.mode === 'continue' ? `carries on for ${run.prepare.orphan.leaseMs} ms` : 'stops'}`,
    });
    this.#orphanTick(nowMs);
  }

  /** Its process died, so nobody gives this agent's slots away: it may go on for the orphan lease. */
  #orphanTick(nowMs: number): void {
    const run = this.#run;
    if (run === null || run.orphanSinceMs === null) return;
    const { mode, leaseMs } = run.prepare.orphan;
    const endMs = run.orphanSinceMs + leaseMs;
    if (mode === 'stop' || nowMs >= endMs || run.phase !== 'running') {
      if (run.phase !== 'finished') this.#end(run, 'aborted', nowMs);
      run.forgotten = true;
      return;
    }
    this.#do(
      { type: 'grant', generation: this.#generation(run), until: Math.min(endMs, nowMs + TIMES.leaseMs) },
      { type: 'timer', timer: 'orphan', afterMs: TIMES.beatMs },
    );
  }

  #drain(nowMs: number): void {
    this.#draining = true;
    const run = this.#run;
    if (run === null) this.#do({ type: 'exit', code: 0 });
    else if (this.#link.s === 'down') {
      run.forgotten = true;
      this.#end(run, 'aborted', nowMs);
    } else {
      this.#do({
        type: 'send',
        message: {
          type: 'fault',
          run: run.run,
          phase: 'run',
          code: 'AGENTS_LOST',
          message: 'this agent was told to end',
          fatal: true,
        },
      });
      this.#end(run, 'aborted', nowMs);
    }
  }
}
