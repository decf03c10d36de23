import { planWithout, resolveOptions } from '@muster/plan';
import {
  type AgentMessage,
  agentId,
  BOUNDS,
  type ClientMessage,
  MusterError,
  NATIVE_VERSIONS,
  negotiate,
  type RunId,
  type RunInfo,
  TIMES,
  type VersionRange,
} from '@muster/protocol';
import type { ControllerEffect, ControllerEvent, Counted, Instant, RunNews } from './events.js';
import { type AgentAnswer, Primitives, refusal } from './primitives.js';
import { type HelloMessage, type KnownAgent, Registry } from './registry.js';
import { infoOf, living, type Member, type RunRecord, streamOf } from './run-record.js';
import { judge } from './verdict.js';

/** What the controller is told of the process around it. */
export interface ControllerConfig {
  /** Changes with each start of the broker. */
  readonly boot: string;
  readonly version: string;
  /** Where agents push results. */
  readonly receiver: string;
  readonly leaseMs?: number;
  readonly lostMs?: number;
  readonly beatMs?: number;
  readonly prepareMs?: number;
  readonly readyMs?: number;
  readonly maxRuns?: number;
  readonly maxAgents?: number;
  /** Names that `submit` may give as observers. */
  readonly observers?: readonly string[];
}

/** What was saved: the values of all keys, as an earlier controller left them. */
export type SavedState = Readonly<Record<string, unknown>>;

/** A run that goes on, with what is not saved of it. */
interface LiveRun {
  readonly record: RunRecord;
  readonly primitives: Primitives;
  /** Until when what it waits for may take, on the broker's clock. */
  deadlineMs: number;
  /** Latest instant up to which anybody may load by the plan in force. */
  maxUntilMs: number;
  lastProgress: Extract<RunNews, { kind: 'progress' }>['progress'] | null;
  notes: { atMs: number; level: 'info' | 'warn' | 'error'; text: string }[];
  /** Members are told again what they have not confirmed. */
  toldMs: number;
  settlingSinceMs: number | null;
}

/** From all ready to the run's instant 0: every agent has the plan by then. */
const START_AFTER_MS = 500;
/** From a loss to the next plan's instant, at least: the others must hold it by then. */
const REPLAN_AFTER_MS = 500;
const TELL_AGAIN_MS = 1_000;
const MAX_NOTES = 200;
const FINISHED_KEPT = 200;

type Of<T extends AgentMessage['type']> = Extract<AgentMessage, { type: T }>;

/**
 * The broker's controller: who is there, which runs go on, who may load until when, and how each run ends. It does no
 * I/O and reads no clock; all that it must know after a restart goes through `save`.
 */
export class Controller {
  readonly #config: Required<ControllerConfig>;
  readonly #registry = new Registry();
  readonly #runs = new Map<string, LiveRun>();
  readonly #finished = new Map<string, RunInfo>();
  readonly #submitted = new Map<string, { readonly atMs: number; readonly run: RunId }>();
  readonly #claims = new Map<string, { readonly atMs: number; readonly answer: AgentAnswer }>();
  #effects: ControllerEffect[] = [];
  readonly #touched = new Set<LiveRun>();
  #at: Instant = { nowMs: 0, wallMs: 0 };

  /** A run that an earlier broker left unfinished ends with 122 (its agents can't be taken up again yet). */
  constructor(config: ControllerConfig, saved: SavedState = {}) {
    this.#config = {
      leaseMs: TIMES.leaseMs,
      lostMs: TIMES.lostMs,
      beatMs: TIMES.beatMs,
      prepareMs: TIMES.prepareMs,
      readyMs: TIMES.readyMs,
      maxRuns: BOUNDS.runs,
      maxAgents: BOUNDS.agents,
      observers: ['console'],
      ...config,
    };
    for (const value of Object.values(saved)) this.#restore(value as RunRecord);
  }

  #restore(record: RunRecord): void {
    const live = this.#live(structuredClone(record));
    if (live.record.state === 'finished') return;
    live.record.fault ??= {
      code: 'BROKER_LOST',
      message: 'the broker was restarted while the run went on',
      where: null,
    };
    live.record.state = 'settling';
    live.record.stage = 'none';
    for (const member of live.record.members) member.lost = !member.finished;
    this.#runs.set(live.record.id, live);
  }

  #live(record: RunRecord): LiveRun {
    return {
      record,
      primitives: new Primitives(record),
      deadlineMs: Number.POSITIVE_INFINITY,
      maxUntilMs: 0,
      lastProgress: null,
      notes: [],
      toldMs: 0,
      settlingSinceMs: null,
    };
  }

  /** What is to be done first after a start: runs that were left are opened and settled. */
  begin(at: Instant): ControllerEffect[] {
    return this.#turn(at, () => {
      for (const live of this.#runs.values()) {
        this.#do({ type: 'open', run: live.record });
        this.#settle(live);
      }
    });
  }

  handle(event: ControllerEvent, at: Instant): ControllerEffect[] {
    return this.#turn(at, () => this.#take(event));
  }

  /** Runs one event to its end; what it changed is saved before anything that follows from it leaves. */
  #turn(at: Instant, act: () => void): ControllerEffect[] {
    this.#at = at;
    this.#effects = [];
    this.#touched.clear();
    act();
    const saves: ControllerEffect[] = [];
    for (const live of this.#touched) {
      const { record } = live;
      if (record.state === 'finished') saves.push({ type: 'delete', key: `run/${record.id}` });
      else saves.push({ type: 'save', key: `run/${record.id}`, value: structuredClone(record) });
      saves.push({ type: 'catalogue', info: infoOf(record) });
    }
    return [...saves, ...this.#effects];
  }

  #do(...effects: ControllerEffect[]): void {
    this.#effects.push(...effects);
  }
  #touch(live: LiveRun): void {
    this.#touched.add(live);
  }
  #answers(answers: readonly AgentAnswer[]): void {
    for (const each of answers) this.#do({ type: 'send', agent: each.agent, message: each.message });
  }

  #take(event: ControllerEvent): void {
    switch (event.type) {
      case 'agent':
        this.#agentSaid(event.agent, event.message);
        return;
      case 'client':
        this.#clientAsked(event);
        return;
      case 'sweep':
        this.#sweep();
        return;
      case 'stream.closed':
        this.#streamClosed(event.run, event.stream);
        return;
      case 'progress':
        this.#progress(event.run, event.progress);
        return;
      case 'threshold.crossed': {
        const live = this.#runs.get(event.run);
        if (live !== undefined && live.record.stop === null && live.record.state === 'running')
          this.#stop(live, 'threshold', event.text);
        return;
      }
      case 'counted':
        this.#counted(event.run, event.counted);
        return;
      case 'summarised':
        this.#summarised(event.run, event.summary);
    }
  }

  // Agents

  #agentSaid(route: string, message: AgentMessage): void {
    if (message.type === 'hello') {
      this.#hello(route, message);
      return;
    }
    const agent = this.#registry.get(route);
    // Somebody who has not signed on with this broker: it asks again when it hears nothing.
    if (agent === undefined) return;
    agent.heardMs = this.#at.nowMs;
    if (message.type === 'beat') {
      this.#beat(agent, message);
      return;
    }
    if (message.type === 'bundle.get') {
      this.#do({ type: 'piece', agent: route, id: message.id, hash: message.hash, offset: message.offset });
      return;
    }
    if (message.type === 'slot.released') {
      this.#released(agent, message.run);
      return;
    }
    if (!('run' in message) || message.run === undefined) return;
    const live = this.#runs.get(message.run);
    const member = live?.record.members.find((each) => each.id === agent.id);
    if (live === undefined || member === undefined) {
      if ('id' in message)
        this.#answers([refusal(route, message.id, 'RUN_UNKNOWN', `run ${message.run} is not one of this agent's`)]);
      this.#do({ type: 'send', agent: route, message: { type: 'forget', run: message.run } });
      return;
    }
    this.#memberSaid(live, member, message);
  }

  #hello(route: string, hello: HelloMessage): void {
    const refuse = (code: string, text: string): void =>
      this.#do({
        type: 'send',
        agent: route,
        message: { type: 'refuse', code, message: text, protocol: NATIVE_VERSIONS as VersionRange },
      });
    const id = agentId(hello.node, hello.boot);
    if (route !== id) {
      refuse('BAD_MESSAGE', `the agent calls itself ${id} and signs on as ${route}`);
      return;
    }
    let version: number;
    try {
      version = negotiate(hello.protocol, `agent ${id}`);
    } catch (thrown) {
      refuse('VERSION_MISMATCH', MusterError.from(thrown).message);
      return;
    }
    if (this.#registry.get(id) === undefined && this.#registry.size >= this.#config.maxAgents) {
      refuse('NOT_SUPPORTED', `this broker takes ${this.#config.maxAgents} agents at most`);
      return;
    }
    const agent = this.#registry.signOn(id, hello, this.#at.nowMs);
    if (agent === null) {
      refuse('AGENT_ID_TAKEN', `another process has signed on as ${id}`);
      return;
    }
    const { boot, version: product, receiver, beatMs, leaseMs, lostMs } = this.#config;
    this.#do({
      type: 'send',
      agent: id,
      message: {
        type: 'welcome',
        boot,
        version: product,
        protocol: version,
        agent: id,
        receiver,
        beatMs,
        leaseMs,
        lostMs,
      },
    });
    if (agent.run === null) return;
    const live = this.#runs.get(agent.run);
    if (live === undefined || hello.run === null) {
      // It works for a run that is over here, or it has forgotten one that is not: either way nothing binds it.
      if (hello.run === null && live !== undefined) this.#lose(live, agent, 'the agent was restarted');
      if (hello.run === null) agent.run = null;
      else this.#do({ type: 'send', agent: id, message: { type: 'forget', run: hello.run.run } });
      return;
    }
    const member = live.record.members.find((each) => each.id === id);
    if (member !== undefined) this.#tell(live, member);
  }

  #beat(agent: KnownAgent, beat: Of<'beat'>): void {
    const { nowMs } = this.#at;
    agent.beat = beat;
    const returned = agent.lost;
    agent.lost = false;
    const live = agent.run === null ? undefined : this.#runs.get(agent.run);
    const member = live?.record.members.find((each) => each.id === agent.id);
    const grant = live === undefined || member === undefined ? null : this.#grant(live, member);
    this.#do({
      type: 'send',
      agent: agent.id,
      message: { type: 'beat', seq: beat.seq, sentMs: beat.sentMs, receivedMs: nowMs, answeredMs: nowMs, grant },
    });
    if (member !== undefined && beat.clock !== null) {
      member.clockOffsetMs = beat.clock.offsetMs;
      member.clockBoundMs = beat.clock.boundMs;
    }
    if (returned && live !== undefined && member !== undefined) this.#tell(live, member);
  }

  /**
   * The right to load of a member: by the plan that it holds, for the lease, and never beyond the next plan's instant
   * once that is chosen.
   */
  #grant(live: LiveRun, member: Member): { run: RunId; generation: number; untilMs: number } | null {
    const { record } = live;
    if ((record.state !== 'running' && record.state !== 'stopping') || record.startAtMs === null) return null;
    const held = record.plans.find((plan) => plan.generation === member.acked);
    if (held === undefined || held.generation === 0 || !held.members.includes(member.id)) return null;
    const next = record.plans.find((plan) => plan.generation === member.acked + 1);
    const lease = Math.max(this.#at.nowMs, record.startAtMs) + this.#config.leaseMs;
    const untilMs = next === undefined ? lease : Math.min(lease, record.startAtMs + next.fromMs);
    if (untilMs <= this.#at.nowMs) return null;
    live.maxUntilMs = Math.max(live.maxUntilMs, untilMs);
    return { run: record.id, generation: held.generation, untilMs };
  }

  #memberSaid(live: LiveRun, member: Member, message: AgentMessage): void {
    const { record, primitives } = live;
    switch (message.type) {
      case 'prepared':
        if (member.prepared) return;
        member.prepared = true;
        this.#touch(live);
        this.#allPrepared(live, message);
        return;
      case 'plan.ack':
        if (message.generation <= member.acked) return;
        member.acked = message.generation;
        this.#touch(live);
        return;
      case 'ready':
        if (member.ready) return;
        member.ready = true;
        this.#touch(live);
        if (record.state === 'preparing' && record.members.every((each) => each.ready)) this.#start(live);
        return;
      case 'started':
        member.started = true;
        this.#touch(live);
        return;
      case 'finished':
        if (member.finished) return;
        member.finished = true;
        if (message.outcome === 'failed') member.failed = true;
        this.#touch(live);
        this.#answers(primitives.lose(member.id));
        this.#maybeSettle(live);
        return;
      case 'fault':
        this.#fault(live, member, message);
        return;
      case 'log':
        this.#note(
          live,
          message.level === 'error' ? 'error' : message.level === 'warn' ? 'warn' : 'info',
          `${member.id}: ${message.message}`,
        );
        return;
      case 'claim': {
        const key = `${member.id}/${record.id}/${message.id}`;
        const before = this.#claims.get(key);
        const given =
          before === undefined
            ? primitives.claim(member.id, message.id, message.name, message.mode, message.count, message.confirmed)
            : [before.answer];
        for (const each of given) this.#claims.set(key, { atMs: this.#at.nowMs, answer: each });
        if (before === undefined) this.#touch(live);
        this.#answers(given);
        return;
      }
      case 'once.get':
        this.#touch(live);
        this.#answers(primitives.onceGet(member.id, message.id, message.name));
        return;
      case 'once.put':
        this.#touch(live);
        this.#answers(primitives.oncePut(member.id, message.id, message.name, message.value, message.error));
        if (message.name === 'handleSummary') this.#authorSummary(live, message.value);
        return;
      case 'barrier.arrive':
        this.#answers(primitives.arrive(member.id, message.id, message.name));
        return;
      default:
        return;
    }
  }

  #fault(live: LiveRun, member: Member, fault: Of<'fault'>): void {
    const where = fault.where === undefined ? '' : ` at ${fault.where}`;
    const text = `${fault.code}: ${fault.message}${where}`;
    // An agent says a fault again until it is told what follows.
    if (live.record.events.some((event) => event.kind === 'fault' && event.agent === member.id && event.text === text))
      return;
    this.#event(live, 'fault', text, { agent: member.id });
    this.#note(live, fault.fatal ? 'error' : 'warn', `${member.id}: ${fault.message}${where}`);
    this.#touch(live);
    if (fault.code === 'TEST_ABORTED') {
      if (live.record.stop === null) this.#stop(live, 'test', fault.message);
      return;
    }
    if (fault.phase === 'summary') {
      if (live.record.stage === 'author-summary') this.#authorSummary(live, null);
      return;
    }
    if (fault.fatal) member.failed = true;
    if (fault.fatal || fault.phase === 'teardown')
      this.#break(live, fault.code, fault.message, fault.where ?? null, fault.fatal);
  }

  #released(agent: KnownAgent, run: RunId): void {
    if (agent.run === run) agent.run = null;
    const live = this.#runs.get(run);
    const member = live?.record.members.find((each) => each.id === agent.id);
    if (live === undefined || member === undefined || member.released) return;
    member.released = true;
    this.#touch(live);
  }

  // A run's life

  #submit(
    client: string,
    message: Extract<ClientMessage, { type: 'submit' }>,
    fresh: Extract<ControllerEvent, { type: 'client' }>['fresh'],
  ): void {
    const refuse = (code: string, text: string): void =>
      this.#do({ type: 'refuse', client, id: message.id, error: { code, message: text } });
    const again = this.#submitted.get(message.id);
    if (again !== undefined) {
      const members =
        this.#runs.get(again.run)?.record.members.map((member) => member.id) ??
        this.#finished.get(again.run)?.agents ??
        [];
      this.#do({ type: 'answer', client, id: message.id, result: { run: again.run, agents: members } });
      return;
    }
    if (fresh === undefined || fresh.bundleSize === null) {
      refuse(
        'BUNDLE_UNKNOWN',
        `[BUNDLE_UNKNOWN] this broker does not hold the bundle ${message.bundle} (upload it first)`,
      );
      return;
    }
    const unknown = message.observers.find((name) => !this.#config.observers.includes(name));
    if (unknown !== undefined) {
      refuse(
        'OBSERVER_UNKNOWN',
        `[OBSERVER_UNKNOWN] there is no observer "${unknown}" (there are: ${this.#config.observers.join(', ')})`,
      );
      return;
    }
    if (this.#runs.size >= this.#config.maxRuns) {
      refuse('TOO_MANY_RUNS', `[TOO_MANY_RUNS] ${this.#config.maxRuns} runs go on already`);
      return;
    }
    const free = this.#registry.free();
    const wanted = message.agents ?? free.length;
    if (free.length < wanted || wanted === 0) {
      refuse(
        'NOT_ENOUGH_AGENTS',
        `[NOT_ENOUGH_AGENTS] Not enough agents: ${message.agents ?? 'at least 1'} asked for, ${free.length} free of ${this.#registry.all().filter((agent) => !agent.lost).length}`,
      );
      return;
    }
    const chosen = free.slice(0, wanted);
    const record = this.#newRecord(message, fresh, fresh.bundleSize, chosen);
    const live = this.#live(record);
    live.deadlineMs = this.#at.nowMs + this.#config.prepareMs;
    this.#runs.set(record.id, live);
    this.#submitted.set(message.id, { atMs: this.#at.nowMs, run: record.id });
    for (const agent of chosen) agent.run = record.id;
    this.#touch(live);
    this.#event(live, 'plan', `${chosen.length} agent${chosen.length === 1 ? '' : 's'} reserved`);
    this.#do(
      { type: 'open', run: record },
      { type: 'answer', client, id: message.id, result: { run: record.id, agents: chosen.map((agent) => agent.id) } },
    );
    this.#publishState(live, 'preparing');
    for (const member of record.members) this.#tell(live, member);
    live.toldMs = this.#at.nowMs;
  }

  #newRecord(
    message: Extract<ClientMessage, { type: 'submit' }>,
    fresh: { readonly run: RunId; readonly seed: number },
    size: number,
    chosen: readonly KnownAgent[],
  ): RunRecord {
    return {
      id: fresh.run,
      name: message.name,
      bundle: { hash: message.bundle, size },
      overrides: message.options ?? {},
      env: message.env,
      raw: message.raw,
      minCoverage: message.minCoverage,
      settleMs: message.settleMs,
      orphan: message.orphan,
      seed: message.seed ?? fresh.seed,
      observers: message.observers,
      submittedAt: this.#iso(),
      state: 'preparing',
      members: chosen.map(({ id, hello }) => ({
        id,
        node: hello.node,
        boot: hello.boot,
        hostname: hello.hostname,
        pid: hello.pid,
        version: hello.version,
        workers: hello.workers,
        prepared: false,
        ready: false,
        started: false,
        acked: -1,
        finished: false,
        lost: false,
        failed: false,
        closed: false,
        released: false,
        clockOffsetMs: null,
        clockBoundMs: null,
      })),
      functions: [],
      options: null,
      plans: [],
      startAtMs: null,
      startedAt: null,
      endedAt: null,
      durationMs: 0,
      fault: null,
      stop: null,
      stage: 'none',
      verdict: null,
      exitCode: null,
      reason: null,
      events: [],
      number: 0,
      once: {},
      claims: {},
    };
  }

  /** Says to a member everything that it has not confirmed; harmless when it knows it already. */
  #tell(live: LiveRun, member: Member): void {
    const { record } = live;
    const send = (message: Extract<ControllerEffect, { type: 'send' }>['message']): void =>
      this.#do({ type: 'send', agent: member.id, message });
    if (record.state === 'finished' || record.state === 'settling') {
      if (record.stage === 'none' && !member.finished)
        send({
          type: 'abort',
          run: record.id,
          reason: record.fault?.message ?? record.stop?.reason ?? 'the run is over',
        });
      return;
    }
    if (member.finished) return;
    if (!member.prepared) {
      send({
        type: 'prepare',
        run: record.id,
        name: record.name,
        bundle: record.bundle,
        env: { ...record.env },
        seed: record.seed,
        raw: record.raw,
        orphan: record.orphan,
      });
    }
    for (const plan of record.plans) {
      if (plan.generation <= member.acked) continue;
      send({
        type: 'plan',
        run: record.id,
        generation: plan.generation,
        fromMs: plan.fromMs,
        startAtMs: plan.generation === 0 ? null : record.startAtMs,
        members: plan.members as Member['id'][],
        ...(plan.generation === 0 ? { options: record.options } : {}),
      });
    }
    if (record.stop !== null) send({ type: 'stop', run: record.id, reason: record.stop.reason });
  }

  #allPrepared(live: LiveRun, last: Of<'prepared'>): void {
    const { record } = live;
    if (record.state !== 'preparing' || record.options !== null) return;
    if (!record.members.every((member) => member.prepared)) return;
    const resolved = resolveOptions(last.options ?? undefined, record.overrides, {
      functions: last.functions,
      metrics: last.metrics,
    });
    if (!resolved.ok) {
      const faults = resolved.faults.map((fault) =>
        fault.path === '' ? fault.message : `${fault.path}: ${fault.message}`,
      );
      this.#break(live, 'BAD_OPTIONS', `the options of ${record.name} are wrong: ${faults.join('; ')}`, null, true);
      return;
    }
    record.options = resolved.options;
    record.functions = last.functions;
    record.plans = [{ generation: 0, fromMs: 0, members: record.members.map((member) => member.id) }];
    const setupMs = last.functions.includes('setup') ? resolved.options.setupTimeoutMs : 0;
    live.deadlineMs = this.#at.nowMs + this.#config.readyMs + setupMs;
    this.#do({ type: 'facts', run: record });
    for (const member of record.members) this.#tell(live, member);
  }

  #start(live: LiveRun): void {
    const { record } = live;
    record.state = 'running';
    record.startAtMs = this.#at.nowMs + START_AFTER_MS;
    record.startedAt = new Date(this.#at.wallMs + START_AFTER_MS).toISOString();
    record.plans = [...record.plans, { generation: 1, fromMs: 0, members: record.members.map((member) => member.id) }];
    live.deadlineMs = Number.POSITIVE_INFINITY;
    live.maxUntilMs = record.startAtMs + this.#config.leaseMs;
    this.#touch(live);
    this.#event(live, 'plan', `${record.members.length} agent${record.members.length === 1 ? '' : 's'} start`, {
      generation: 1,
    });
    this.#do({ type: 'facts', run: record });
    for (const member of record.members) this.#tell(live, member);
    this.#publishState(live, 'running');
  }

  #stop(live: LiveRun, by: 'user' | 'test' | 'threshold', reason: string): void {
    const { record } = live;
    if (record.state === 'settling' || record.state === 'finished') return;
    record.stop ??= { by, reason };
    this.#touch(live);
    this.#event(live, 'stop', reason);
    if (record.state === 'preparing' || record.state === 'ready') {
      this.#settle(live);
      return;
    }
    record.state = 'stopping';
    for (const member of living(record)) this.#tell(live, member);
    this.#publishState(live, reason);
  }

  /** Something broke the run: the first reason counts. */
  #break(live: LiveRun, code: string, message: string, where: string | null, abort: boolean): void {
    const { record } = live;
    if (record.state === 'finished' || record.stage !== 'none') return;
    record.fault ??= { code, message, where };
    this.#touch(live);
    if (abort) this.#settle(live);
  }

  #sweep(): void {
    const { nowMs } = this.#at;
    for (const agent of this.#registry.sweep(nowMs, this.#config.lostMs)) {
      const live = agent.run === null ? undefined : this.#runs.get(agent.run);
      if (live !== undefined) this.#lose(live, agent, `silent for ${this.#config.lostMs} ms`);
      else agent.run = null;
    }
    for (const [id, { atMs }] of this.#submitted) if (nowMs - atMs > TIMES.repeatMs) this.#submitted.delete(id);
    for (const [key, { atMs }] of this.#claims) if (nowMs - atMs > 60_000) this.#claims.delete(key);
    for (const live of [...this.#runs.values()]) this.#sweepRun(live);
  }

  #sweepRun(live: LiveRun): void {
    const { nowMs } = this.#at;
    const { record } = live;
    if (nowMs - live.toldMs >= TELL_AGAIN_MS) {
      live.toldMs = nowMs;
      for (const member of record.members) {
        const reachable = this.#registry.get(member.id)?.lost === false;
        if (!reachable) continue;
        const missing =
          !member.prepared ||
          member.acked < (record.plans.at(-1)?.generation ?? -1) ||
          record.state === 'stopping' ||
          (record.state === 'settling' && !member.finished);
        if (missing) this.#tell(live, member);
      }
    }
    if (nowMs < live.deadlineMs) return;
    live.deadlineMs = Number.POSITIVE_INFINITY;
    if (record.state === 'preparing') {
      const waiting = record.members
        .filter((member) => (record.options === null ? !member.prepared : !member.ready))
        .map((member) => member.id);
      const code = record.options === null ? 'PREPARE_TIMEOUT' : 'READY_TIMEOUT';
      this.#break(
        live,
        code,
        `${waiting.join(', ')} did not ${record.options === null ? 'prepare' : 'become ready'} in time`,
        null,
        true,
      );
    } else if (record.state === 'settling') {
      if (record.stage === 'author-summary') this.#authorSummary(live, null);
      else this.#count(live);
    }
  }

  /** A member is gone: the others take its share over from an instant at which it can't load any more. */
  #lose(live: LiveRun, agent: KnownAgent, why: string): void {
    const { record } = live;
    const member = record.members.find((each) => each.id === agent.id);
    if (member === undefined || member.lost || member.finished) return;
    member.lost = true;
    this.#touch(live);
    this.#event(live, 'lost', `agent ${agent.id} is lost: ${why}`, { agent: agent.id });
    this.#note(live, 'warn', `agent ${agent.id} is lost: ${why}`);
    this.#answers(live.primitives.lose(agent.id));
    if (record.state === 'settling' || record.state === 'finished') return;
    if (living(record).length === 0) {
      this.#break(live, 'AGENTS_LOST', `every agent of the run is lost (the last: ${agent.id}, ${why})`, null, true);
      return;
    }
    if (record.state === 'preparing' || record.startAtMs === null) {
      this.#break(live, 'AGENTS_LOST', `agent ${agent.id} is lost before the start: ${why}`, null, true);
      return;
    }
    this.#replan(live, [agent.id]);
    this.#maybeSettle(live);
  }

  #replan(live: LiveRun, lost: readonly string[]): void {
    const { record } = live;
    const last = record.plans.at(-1);
    if (last === undefined || record.startAtMs === null) return;
    const atMs = Math.max(this.#at.nowMs + REPLAN_AFTER_MS, live.maxUntilMs, record.startAtMs + last.fromMs);
    const next = planWithout(last, lost, atMs - record.startAtMs);
    record.plans = [...record.plans, next];
    this.#event(live, 'plan', `${next.members.length} agents go on from ${Math.round(next.fromMs)} ms`, {
      generation: next.generation,
    });
    this.#do({ type: 'facts', run: record });
    for (const member of living(record)) this.#tell(live, member);
  }

  /** The load is over when every living member says so. */
  #maybeSettle(live: LiveRun): void {
    const { record } = live;
    if (record.state !== 'running' && record.state !== 'stopping') {
      if (record.state === 'settling') this.#maybeCount(live);
      return;
    }
    if (living(record).every((member) => member.finished)) this.#settle(live);
  }

  #settle(live: LiveRun): void {
    const { record } = live;
    if (record.state !== 'settling') {
      record.state = 'settling';
      record.durationMs = record.startAtMs === null ? 0 : Math.max(0, this.#at.nowMs - record.startAtMs);
      record.endedAt = this.#iso();
      this.#publishState(live, record.fault?.message ?? record.stop?.reason ?? 'the load is over');
    }
    live.settlingSinceMs ??= this.#at.nowMs;
    live.deadlineMs = this.#at.nowMs + record.settleMs;
    this.#touch(live);
    if (record.fault !== null || record.stop !== null)
      for (const member of record.members) if (!member.finished) this.#tell(live, member);
    this.#maybeCount(live);
  }

  #streamClosed(run: RunId, stream: string): void {
    const live = this.#runs.get(run);
    const member = live?.record.members.find((each) => streamOf(each, live.record) === stream);
    if (live === undefined || member === undefined || member.closed) return;
    member.closed = true;
    this.#touch(live);
    this.#maybeCount(live);
  }

  /** Everything is there when every stream is closed; a member that never loaded anything has none. */
  #maybeCount(live: LiveRun): void {
    const { record } = live;
    if (record.state !== 'settling' || record.stage !== 'none') return;
    const never = record.startAtMs === null;
    if (
      record.members.every((member) => member.closed || (never && (member.finished || member.lost || member.released)))
    )
      this.#count(live);
  }

  #count(live: LiveRun): void {
    if (live.record.stage !== 'none') return;
    live.record.stage = 'counting';
    live.deadlineMs = Number.POSITIVE_INFINITY;
    this.#touch(live);
    this.#do({ type: 'count', run: live.record });
  }

  #counted(run: RunId, counted: Counted): void {
    const live = this.#runs.get(run);
    if (live === undefined || live.record.stage !== 'counting') return;
    Object.assign(live.record, judge(live.record, counted), { stage: 'summarising' as const });
    this.#touch(live);
    this.#do({ type: 'summarise', run: live.record });
  }

  #summarised(run: RunId, summary: unknown): void {
    const live = this.#runs.get(run);
    if (live === undefined || live.record.stage !== 'summarising') return;
    const { record } = live;
    record.stage = 'author-summary';
    this.#touch(live);
    const able = record.functions.includes('handleSummary')
      ? record.members.find(
          (member) =>
            member.finished && !member.failed && !member.released && this.#registry.get(member.id)?.lost === false,
        )
      : undefined;
    if (able === undefined) {
      this.#authorSummary(live, null);
      return;
    }
    live.deadlineMs = this.#at.nowMs + (record.options?.handleSummaryTimeoutMs ?? 120_000) + 1_000;
    this.#do({ type: 'send', agent: able.id, message: { type: 'summarize', run: record.id, summary } });
  }

  #authorSummary(live: LiveRun, made: unknown): void {
    const { record } = live;
    if (record.stage !== 'author-summary' || record.state === 'finished') return;
    const files =
      typeof made === 'object' && made !== null
        ? Object.fromEntries(
            Object.entries(made).map(([name, text]) => [name, typeof text === 'string' ? text : JSON.stringify(text)]),
          )
        : null;
    record.state = 'finished';
    this.#touch(live);
    this.#do({ type: 'conclude', run: record, handleSummary: files });
    this.#publishState(live, `${record.verdict}${record.reason === null ? '' : `: ${record.reason}`}`);
    for (const member of record.members)
      this.#do({ type: 'send', agent: member.id, message: { type: 'forget', run: record.id } });
    this.#runs.delete(record.id);
    this.#finished.set(record.id, infoOf(record));
    for (const id of this.#finished.keys()) if (this.#finished.size > FINISHED_KEPT) this.#finished.delete(id);
  }

  // What is told

  #iso(): string {
    return new Date(this.#at.wallMs).toISOString();
  }
  #runMs(record: RunRecord): number {
    return record.startAtMs === null ? 0 : Math.max(0, Math.round(this.#at.nowMs - record.startAtMs));
  }
  #event(
    live: LiveRun,
    kind: string,
    text: string,
    more: { readonly generation?: number; readonly agent?: string } = {},
  ): void {
    if (live.record.events.length < 1_000)
      live.record.events.push({ at: this.#iso(), atMs: this.#runMs(live.record), kind, ...more, text });
  }
  #publishState(live: LiveRun, text: string): void {
    const { record } = live;
    record.number += 1;
    this.#do({
      type: 'publish',
      run: record.id,
      event: { kind: 'state', run: record.id, number: record.number, state: record.state, text },
    });
  }
  #note(live: LiveRun, level: 'info' | 'warn' | 'error', text: string): void {
    const { record } = live;
    record.number += 1;
    const atMs = this.#runMs(record);
    live.notes = [...live.notes.slice(1 - MAX_NOTES), { atMs, level, text }];
    this.#do({
      type: 'publish',
      run: record.id,
      event: { kind: 'note', run: record.id, number: record.number, atMs, level, text },
    });
  }

  #progress(run: RunId, progress: Extract<ControllerEvent, { type: 'progress' }>['progress']): void {
    const live = this.#runs.get(run);
    if (live === undefined) return;
    const { record } = live;
    record.number += 1;
    const agents = record.members.map((member) => {
      const agent = this.#registry.get(member.id);
      const state = member.lost ? 'lost' : member.finished ? 'ended' : 'running';
      return {
        id: member.id,
        state,
        vus: member.finished || member.lost ? 0 : (agent?.beat?.vus ?? 0),
        cpu: agent?.beat?.cpu ?? 0,
        lagMs: agent?.beat?.lagMs ?? 0,
      };
    });
    live.lastProgress = { ...progress, number: record.number, state: record.state, agents };
    this.#do({
      type: 'publish',
      run,
      event: { kind: 'progress', run, number: record.number, progress: live.lastProgress },
    });
  }

  // Clients

  #clientAsked(event: Extract<ControllerEvent, { type: 'client' }>): void {
    const { client, message } = event;
    const refuse = (code: string, text: string): void =>
      this.#do({ type: 'refuse', client, id: message.id, error: { code, message: `[${code}] ${text}` } });
    const reply = (result: unknown): void => this.#do({ type: 'answer', client, id: message.id, result });
    switch (message.type) {
      case 'submit':
        this.#submit(client, message, event.fresh);
        return;
      case 'agents':
        reply(this.agents());
        return;
      case 'stop': {
        const live = this.#runs.get(message.run);
        if (live === undefined) {
          refuse(
            this.#finished.has(message.run) ? 'RUN_OVER' : 'RUN_UNKNOWN',
            `run ${message.run} is not one that goes on`,
          );
          return;
        }
        this.#stop(live, 'user', message.reason);
        if (message.force && live.record.state !== 'settling') this.#settle(live);
        reply({});
        return;
      }
      case 'attach': {
        const live = this.#runs.get(message.run);
        if (live === undefined) {
          this.#do({ type: 'look-up', client, message, live: [] });
          return;
        }
        reply({ run: infoOf(live.record), number: live.record.number, progress: live.lastProgress, notes: live.notes });
        return;
      }
      case 'annotate': {
        const live = this.#runs.get(message.run);
        if (live === undefined) {
          refuse('RUN_UNKNOWN', `run ${message.run} is not one that goes on`);
          return;
        }
        this.#event(live, 'note', message.text);
        this.#note(live, 'info', message.text);
        this.#touch(live);
        reply({});
        return;
      }
      case 'drain': {
        const agent = this.#registry.get(message.agent);
        if (agent === undefined) {
          refuse('AGENT_UNKNOWN', `there is no agent ${message.agent}`);
          return;
        }
        agent.draining = true;
        this.#do({ type: 'send', agent: agent.id, message: { type: 'drain' } });
        reply({});
        return;
      }
      case 'runs':
      case 'show':
      case 'query':
        this.#do({
          type: 'look-up',
          client,
          message,
          live: [...this.#runs.values()].map((live) => infoOf(live.record)),
        });
        return;
      case 'steer':
        refuse('NOT_SUPPORTED', `"${message.action}": a running run can't be changed yet, only stopped`);
        return;
      default:
        refuse('UNKNOWN_COMMAND', `"${message.type}" is not a question for the controller`);
    }
  }

  /** Every agent as clients see it. */
  agents() {
    return this.#registry.all().map((agent) => {
      const state = agent.run === null ? undefined : this.#runs.get(agent.run)?.record.state;
      return this.#registry.info(agent, state === 'running' || state === 'stopping', this.#at.nowMs);
    });
  }

  /** Runs that are not finished; for tests and the simulator. */
  runs(): readonly RunRecord[] {
    return [...this.#runs.values()].map((live) => live.record);
  }
}
