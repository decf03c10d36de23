import {
  type AgentMessage,
  agentId,
  type BrokerMessage,
  EVERY_WORKER,
  encodeNative,
  NATIVE_VERSIONS,
  type RunId,
  TIMES,
} from '@muster/protocol';
import { ExternalRuns } from '../original/external-runs.js';
import { Membership } from '../original/membership.js';
import { Streams } from '../outbox/streams.js';
import { ClockEstimator } from './clock-estimator.js';
import type { Effect } from './effect.js';
import type { SupervisorEvent } from './event.js';
import { Link } from './link.js';
import { LogBudget } from './log-budget.js';
import type { FromAgent, FromBroker } from './messages.js';
import { Questions } from './questions.js';
import { Run } from './run.js';
import type { RunState } from './run-state.js';
import { Service, type ServiceState } from './service.js';
import type { Saved, SupervisorConfig } from './supervisor-config.js';
import { earliest, NEVER, Turn } from './turn.js';
import { cut } from './worker-fault.js';

/** Where the agent is, for tests and logs. */
export interface SupervisorView {
  readonly link: 'down' | 'greeting' | 'up';
  readonly service: ServiceState;
  readonly run: { readonly id: RunId; readonly state: RunState['s']; readonly generation: number } | null;
  /** What it speaks; the original from when a broker of the original answered. */
  readonly dialect: 'native' | 'original';
  /** Runs of the original that go on. */
  readonly original: readonly string[];
  /** Kept and not acknowledged. */
  readonly heldBytes: number;
  readonly vus: number;
}

/** Runs of this boot that are remembered, so that a late or repeated `prepare` starts none of them again. */
const REMEMBERED_RUNS = 1_000;
/** Runs of the original that a hello names; an agent has one, or a few that clients started by its name. */
const MAX_TOLD = 64;

/**
 * The agent's core: takes what happens and the time, returns what is to be done. Deterministic; no clock, no socket, no
 * disk, no process of its own. Safe against repeated, late and lost messages: every fact that the broker must know is
 * said again until it reacts.
 */
export class Supervisor {
  readonly #config: SupervisorConfig;
  readonly #saved: Saved;
  readonly #link: Link;
  readonly #questions: Questions;
  readonly #streams: Streams;
  readonly #clock: ClockEstimator;
  readonly #external: ExternalRuns;
  readonly #membership: Membership;
  readonly #service: Service;
  readonly #logs = new LogBudget();
  #run: Run | null = null;
  #past: readonly RunId[] = [];
  #leaseMs: number = TIMES.leaseMs;
  /** When the last beat was sent that the broker answered: an answer may be read long after it was given. */
  #brokerLivedMs = Number.NEGATIVE_INFINITY;
  #load = { cpu: 0, rssBytes: 0, lagMs: 0 };
  #wakeMs = NEVER;

  constructor(config: SupervisorConfig, saved: Saved = { streams: [] }) {
    this.#config = config;
    this.#saved = saved;
    this.#clock = new ClockEstimator(config.drift);
    this.#streams = new Streams(config, saved.streams);
    this.#link = new Link(
      {
        hello: () => this.#hello(),
        welcomed: (turn, newBoot) => this.#welcomed(turn, newBoot),
        beat: (turn, seq) => this.#beat(turn, seq),
        refused: (turn) => this.#run?.orphaned(turn),
      },
      config,
    );
    const { boot, hostname, pid } = config.identity;
    this.#external = new ExternalRuns(
      {
        identity: () => ({ agent: this.name, hostname, pid }),
        refusal: () => this.#refusal(),
        quit: (turn) => this.#service.quit(turn),
      },
      { boot, ladderMs: config.ladderMs, settleMs: config.settleMs },
    );
    this.#membership = new Membership(
      config.brokerLostMs,
      () => this.#isBusy,
      (turn) => this.#service.brokerLost(turn),
    );
    this.#questions = new Questions(config.identity.boot.slice(0, 12), config.resendMs, () => this.#link.isUp);
    this.#service = new Service(config, {
      isBusy: () => this.#isBusy,
      stop: (turn) => {
        this.#run?.stop(turn, 'the agent is told to quit');
        this.#external.stop(turn);
      },
      kill: (turn) => {
        this.#run?.kill(turn);
        this.#external.kill(turn);
      },
      letGo: (turn) => {
        if (this.#run?.state === 'finished') this.#run.forget(turn);
      },
      isFlushing: () => !this.#streams.isEmpty && this.#link.isUp,
      lonelySinceMs: () => (this.#membership.isMember || this.#link.isUp ? null : this.#link.heardMs),
      left: (turn) => {
        this.#membership.leave(turn);
        turn.do({ type: 'exit', leftBytes: this.#streams.heldBytes });
      },
    });
  }

  get view(): SupervisorView {
    const run = this.#run;
    return {
      link: this.#link.state,
      service: this.#service.state,
      run: run === null ? null : { id: run.id, state: run.state, generation: run.generation },
      dialect: this.#membership.isMember ? 'original' : 'native',
      original: this.#external.runs,
      heldBytes: this.#streams.heldBytes,
      vus: run?.vus ?? 0,
    };
  }

  /** How its broker knows it: one of ours by its agent id, one of the original by host and process. */
  get name(): string {
    const { agent, identity } = this.#config;
    return this.#membership.isMember ? `${identity.hostname}-${identity.pid}` : agent;
  }

  /** @param nowMs the agent's monotonic clock, never less than the time before */
  handle(event: SupervisorEvent, nowMs: number): readonly Effect[] {
    const turn = new Turn(nowMs);
    if (this.#service.state === 'gone') return turn.effects;
    if (nowMs >= this.#wakeMs) this.#wakeMs = NEVER;
    this.#take(turn, event);
    if (!this.#link.isUp) this.#streams.linkDown();
    for (const part of [this.#link, this.#run, this.#questions, this.#streams, this.#external]) part?.due(turn);
    this.#membership.due(turn);
    this.#service.due(turn);
    this.#arm(turn);
    return turn.effects;
  }

  #take(turn: Turn, event: SupervisorEvent): void {
    switch (event.type) {
      case 'start':
        this.#service.begin(turn);
        this.#closeOldStreams(turn);
        this.#link.start(turn);
        return;
      case 'link.up':
        this.#link.connected(turn);
        return;
      case 'link.refused':
        this.#link.refusedPort(turn);
        return;
      case 'link.silent':
        this.#link.silent(turn, event.why);
        return;
      case 'link.dropped':
        this.#link.dropped(turn);
        return;
      case 'message':
        this.#heard(turn, event.message);
        return;
      case 'send.refused':
        turn.log('error', `a "${event.message.type}" message can't be sent: ${event.why}`);
        this.#run?.unsendable(turn, event.message, event.code, event.why);
        return;
      case 'bundle.found':
        this.#run?.bundleFound(turn, event.hash, event.path);
        return;
      case 'bundle.missing':
        this.#run?.bundleMissing(turn, event.hash);
        return;
      case 'bundle.failed':
        this.#run?.bundleFailed(turn, event.hash, event.code, event.message);
        return;
      case 'worker.news':
        this.#run?.news(turn, event.worker, event.news);
        return;
      case 'worker.exit':
        this.#run?.exited(turn, event.worker, event.exit);
        return;
      case 'outbox.written':
        this.#streams.wrote(turn, event.stream, event.upTo);
        this.#run?.outboxMoved(turn);
        return;
      case 'outbox.disk':
        if (event.full !== this.#streams.isDiskFull) turn.log(event.full ? 'error' : 'info', event.why);
        this.#streams.disk(turn, event.full, event.waitingBytes);
        this.#run?.outboxMoved(turn);
        return;
      case 'load':
        this.#load = { ...event, lagMs: Math.max(this.#load.lagMs, event.lagMs) };
        return;
      case 'external':
        this.#external.handle(turn, event.event);
        return;
      case 'membership':
        if (event.event.type === 'place') this.#link.park();
        this.#membership.handle(turn, event.event);
        return;
      case 'quit':
        this.#service.quit(turn);
        return;
      case 'wake':
        return;
    }
  }

  /** What an earlier boot did not close is closed now: what its workers had not sealed is lost, whoever they were. */
  #closeOldStreams(turn: Turn): void {
    const why = 'the agent ended before it closed the stream: the second that was open is lost';
    const gaps = [{ worker: EVERY_WORKER, fromMs: 0, toMs: 0, why }];
    for (const { stream, run, closed } of this.#saved.streams) {
      if (closed) continue;
      this.#streams.append(turn, stream, {
        kind: 'end',
        run,
        agent: agentId(this.#config.identity.node, stream.slice(0, 32)),
        worker: 0,
        last: true,
        payload: encodeNative({ outcome: 'failed', gaps }),
      });
    }
  }

  #heard(turn: Turn, message: BrokerMessage): void {
    if (message.type === 'welcome') this.#leaseMs = message.leaseMs;
    if (message.type === 'beat') this.#stamp(turn, message);
    this.#link.heard(turn, message);
    switch (message.type) {
      case 'welcome':
      case 'refuse':
        return;
      case 'beat':
        if (message.grant !== null) this.#run?.grant(turn, message.grant);
        return;
      case 'prepare':
        this.#prepare(turn, message);
        return;
      case 'ack':
        this.#streams.ack(turn, message);
        return;
      case 'resend':
        this.#streams.resend(turn, message);
        return;
      case 'reply':
        this.#questions.reply(turn, message);
        return;
      case 'original':
        this.#external.handle(turn, { type: 'order', from: { native: message.id }, order: message.message });
        return;
      case 'drain':
        this.#service.drain();
        return;
      case 'plan':
      case 'stop':
      case 'abort':
      case 'forget':
      case 'summarize':
        this.#order(turn, message);
    }
  }

  #stamp(turn: Turn, beat: FromBroker<'beat'>): void {
    this.#clock.add({ ...beat, arrivedMs: turn.nowMs });
    this.#brokerLivedMs = Math.max(this.#brokerLivedMs, Math.min(beat.sentMs, turn.nowMs));
    this.#run?.clockKnown(turn);
  }

  /** An order about a run; of one that is not here any more nothing is left to be ordered, and that is the answer. */
  #order(turn: Turn, order: FromBroker<'plan' | 'stop' | 'abort' | 'forget' | 'summarize'>): void {
    const run = this.#run;
    if (run === null || run.id !== order.run) {
      this.#send(turn, { type: 'slot.released', run: order.run });
      return;
    }
    switch (order.type) {
      case 'plan':
        run.plan(turn, order);
        return;
      case 'stop':
        run.stop(turn, order.reason);
        return;
      case 'abort':
        run.abort(turn);
        return;
      case 'forget':
        run.forget(turn);
        return;
      case 'summarize':
        run.summarize(turn, order);
    }
  }

  #prepare(turn: Turn, prepare: FromBroker<'prepare'>): void {
    const { run } = prepare;
    if (this.#run?.id === run) {
      this.#run.repeat(turn);
      return;
    }
    if (this.#past.includes(run)) {
      this.#send(turn, { type: 'slot.released', run });
      return;
    }
    if (this.#isBusy || this.#service.state !== 'taking') {
      const [work = this.#run?.id] = this.#external.runs;
      const why = work === undefined ? 'takes no further run' : `works for run ${work}`;
      const message = `${this.#config.agent} ${why}`;
      this.#send(turn, { type: 'fault', run, phase: 'prepare', code: 'AGENT_BUSY', message, fatal: true });
      return;
    }
    turn.log('info', `run ${run} (${prepare.name})`);
    this.#past = [...this.#past.slice(1 - REMEMBERED_RUNS), run];
    this.#run = new Run(prepare, this.#config, {
      questions: this.#questions,
      streams: this.#streams,
      send: (then, message) => this.#send(then, message),
      workerLog: (then, worker, level, message) => {
        then.log(level, `worker ${worker}: ${message}`);
        for (const text of this.#logs.take(then.nowMs, message))
          this.#send(then, { type: 'log', run, worker, level, message: cut(text) });
      },
      clock: (nowMs) => this.#clock.at(nowMs),
      broker: () => ({ heardMs: this.#link.heardMs, livedMs: this.#brokerLivedMs, leaseMs: this.#leaseMs }),
      released: (then) => {
        this.#run = null;
        then.do({ type: 'released', run });
        this.#send(then, { type: 'slot.released', run });
      },
    });
    this.#run.begin(turn);
  }

  #send(turn: Turn, message: AgentMessage): void {
    if (this.#link.isUp) turn.do({ type: 'send', message });
  }

  #hello(): FromAgent<'hello'> {
    const { node, boot, version, hostname, pid, cores, workers, labels, memoryBytes, token } = this.#config.identity;
    const run = this.#run;
    return {
      type: 'hello',
      node,
      boot,
      version,
      protocol: NATIVE_VERSIONS,
      ...(token === undefined ? {} : { token }),
      hostname,
      pid,
      cores,
      workers,
      labels: { ...labels },
      capacity: { memoryBytes },
      run: run === null ? null : { run: run.id, generation: run.generation },
      streams: this.#streams.tails(),
      ...(this.#external.isBusy ? { original: [...this.#external.runs.slice(0, MAX_TOLD)] } : {}),
    };
  }

  #welcomed(turn: Turn, newBoot: boolean): void {
    turn.log('info', newBoot ? 'signed on' : 'signed on again');
    if (newBoot) this.#clock.forget();
    this.#streams.linkUp(turn);
    this.#run?.welcomed(turn);
    this.#questions.again(turn);
  }

  #beat(turn: Turn, seq: number): void {
    const { cpu, rssBytes, lagMs } = this.#load;
    this.#load = { cpu, rssBytes, lagMs: 0 };
    this.#send(turn, {
      type: 'beat',
      seq,
      sentMs: turn.nowMs,
      lagMs: Math.max(lagMs, this.#run?.takeLagMs() ?? 0),
      cpu: Math.max(0, cpu),
      rssBytes: Math.round(rssBytes),
      vus: this.#run?.vus ?? 0,
      outboxBytes: this.#streams.heldBytes,
      clock: this.#clock.at(turn.nowMs),
    });
  }

  get #isBusy(): boolean {
    return this.#run !== null || this.#external.isBusy;
  }
  /** Why no run of the original is taken; null when one is. */
  #refusal(): string | null {
    if (this.#run !== null) return `${this.name} works for run ${this.#run.id}`;
    return this.#service.state === 'taking' ? null : `${this.name} takes no further run`;
  }

  #arm(turn: Turn): void {
    const next = earliest(
      this.#link.nextMs,
      this.#run?.nextMs ?? NEVER,
      this.#questions.nextMs,
      this.#streams.nextMs,
      this.#external.nextMs,
      this.#membership.nextMs,
      this.#service.nextMs,
    );
    if (next === this.#wakeMs || next === NEVER || this.#service.state === 'gone') return;
    this.#wakeMs = next;
    turn.do({ type: 'wake', atMs: next });
  }
}
