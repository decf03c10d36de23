import { type AgentInfo, type AgentMessage, type RunId, TIMES } from '@muster/protocol';
import { agentInfo, type KnownAgent, Registry } from './agents/registry.js';
import { BROKER_VERSIONS, checkHello } from './agents/sign-on.js';
import { answerQuestion, changesSomething, type QuestionPort } from './clients/questions.js';
import { type KeptAnswer, type Outcome, Repeats } from './clients/repeats.js';
import { type ControllerConfig, type ResolvedConfig, resolveConfig } from './controller-config.js';
import type { ControllerEffect, ControllerEvent, Instant } from './events.js';
import { refusal } from './primitives/answers.js';
import { deletesOf, isSeenChange, orphansIn, runsIn, savesBetween } from './run/kept-run.js';
import { begin, loadingIsLate, loseMember, stopRun } from './run/loading.js';
import { memberSays, type RunMessage } from './run/member-says.js';
import { prepareOf } from './run/orders.js';
import { preparingIsLate } from './run/preparing.js';
import { resume } from './run/resume.js';
import { Run } from './run/run.js';
import { isLoading, isOver, isPreparing } from './run/run-life.js';
import { counted, gatherIfComplete, settlingIsLate, summarised } from './run/settling.js';
import { infoOf, type RunRecord } from './run-record.js';
import { Turn } from './turn.js';

/** What was saved: the values of all keys, as an earlier controller left them. */
export type SavedState = Readonly<Record<string, unknown>>;

type Of<T extends ControllerEvent['type']> = Extract<ControllerEvent, { type: T }>;

const ASKED = 'asked/';
const DRAINING = 'draining/';
/** Finished runs that are remembered, to tell a run that is over from one that never was. */
const MAX_FINISHED = 1_000;

/**
 * The broker's controller: who is there, which runs go on, who may load until when, and how each run ends. It does no
 * I/O, reads no clock and draws no random number; all that it must know after a restart goes through `save`.
 */
export class Controller {
  readonly #config: ResolvedConfig;
  readonly #registry: Registry;
  readonly #repeats = new Repeats(TIMES.repeatMs);
  readonly #runs = new Map<RunId, Run>();
  /** As each run was when it was last saved. */
  readonly #saved = new Map<RunId, RunRecord>();
  readonly #finished = new Set<RunId>();
  /** Agents that were told to take no further run, over restarts of the broker. */
  readonly #draining: Set<string>;
  readonly #orphans: readonly string[];
  #toldMs = Number.NEGATIVE_INFINITY;
  #nowMs = 0;

  /** @param registry the agents, when another controller reserves them too */
  constructor(config: ControllerConfig, saved: SavedState = {}, registry?: Registry) {
    this.#config = resolveConfig(config);
    this.#registry = registry ?? new Registry(this.#config.maxAgents);
    const keys = Object.keys(saved);
    this.#draining = new Set(keys.flatMap((key) => (key.startsWith(DRAINING) ? [key.slice(DRAINING.length)] : [])));
    for (const key of keys)
      if (key.startsWith(ASKED)) this.#repeats.restore(key.slice(ASKED.length), saved[key] as KeptAnswer);
    this.#orphans = orphansIn(saved);
    for (const record of runsIn(saved)) {
      this.#runs.set(record.id, this.#makeRun(record));
      this.#saved.set(record.id, record);
    }
  }

  #makeRun(record: RunRecord): Run {
    return new Run(record, { config: this.#config, agent: (id) => this.#registry.get(id) });
  }

  /** What is to be done first after a start: runs that an earlier broker left are taken to their end. */
  begin(at: Instant): readonly ControllerEffect[] {
    const left = [...this.#runs.values()];
    const effects = this.#turn(at, (turn) => {
      for (const run of left) resume(run, turn);
    });
    return [
      ...this.#orphans.map((key) => ({ type: 'delete', key }) as const),
      ...left.map((run) => ({ type: 'open', run: run.record }) as const),
      ...effects,
    ];
  }

  handle(event: ControllerEvent, at: Instant): readonly ControllerEffect[] {
    return this.#turn(at, (turn) => this.#take(turn, event));
  }

  /** Every agent as clients see it. */
  agents(): readonly AgentInfo[] {
    const isLoadingRun = (id: RunId): boolean => {
      const run = this.#runs.get(id);
      return run !== undefined && isLoading(run.record.step);
    };
    return this.#registry
      .all()
      .map((agent) => agentInfo(agent, isLoadingRun, this.#nowMs, this.#registry.boundRun(agent.id)));
  }

  /** Runs that are not finished, or whose end is not kept yet. */
  runs(): readonly RunRecord[] {
    return [...this.#runs.values()].map((run) => run.record);
  }

  /** Does one thing to its end. What it changed is saved before anything that follows from it leaves. */
  #turn(at: Instant, act: (turn: Turn) => void): readonly ControllerEffect[] {
    this.#nowMs = at.nowMs;
    const turn = new Turn(at);
    act(turn);
    const saves: ControllerEffect[] = [];
    const news: ControllerEffect[] = [];
    for (const { id, record } of this.#runs.values()) {
      const before = this.#saved.get(id) ?? null;
      if (before === record) continue;
      saves.push(...savesBetween(before, record));
      if (isSeenChange(before, record)) news.push({ type: 'catalogue', info: infoOf(record) });
      news.push({ type: before === null ? 'open' : 'facts', run: record });
      this.#saved.set(id, record);
    }
    const isSave = ({ type }: ControllerEffect): boolean => type === 'save' || type === 'delete';
    return [...saves, ...turn.effects.filter(isSave), ...news, ...turn.effects.filter((effect) => !isSave(effect))];
  }

  #take(turn: Turn, event: ControllerEvent): void {
    switch (event.type) {
      case 'agent':
        this.#agentSays(turn, event.agent, event.message);
        return;
      case 'client':
        this.#clientAsks(turn, event);
        return;
      case 'sweep':
        this.#sweep(turn);
        return;
      case 'concluded':
        this.#conclude(turn, event.run);
        return;
      default: {
        const run = this.#runs.get(event.run);
        if (run !== undefined) this.#resultsSay(turn, run, event);
      }
    }
  }

  #resultsSay(
    turn: Turn,
    run: Run,
    event: Of<'stream.closed' | 'progress' | 'threshold.crossed' | 'counted' | 'summarised'>,
  ): void {
    switch (event.type) {
      case 'stream.closed': {
        const member = run.memberOfStream(event.stream);
        if (member === undefined || member.closed) return;
        run.setMember(member.id, { closed: true });
        gatherIfComplete(run, turn);
        return;
      }
      case 'progress':
        this.#progress(turn, run, event.progress);
        return;
      case 'threshold.crossed':
        if (run.record.step === 'running') stopRun(run, turn, { by: 'threshold', reason: event.text }, false);
        return;
      case 'counted':
        counted(run, turn, event.counted);
        return;
      case 'summarised':
        summarised(run, turn, event.summary);
    }
  }

  #progress(turn: Turn, run: Run, progress: Of<'progress'>['progress']): void {
    const { state, members } = run.record;
    run.publishProgress(turn, {
      ...progress,
      state,
      agents: members.map(({ id, lost, progress: reached }) => {
        const beat = this.#registry.get(id)?.beat;
        const over = lost || reached === 'finished';
        return {
          id,
          state: lost ? 'lost' : over ? 'ended' : 'running',
          vus: over ? 0 : (beat?.vus ?? 0),
          cpu: beat?.cpu ?? 0,
          lagMs: beat?.lagMs ?? 0,
        };
      }),
    });
  }

  #agentSays(turn: Turn, route: string, message: AgentMessage): void {
    if (message.type === 'hello') {
      this.#hello(turn, route, message);
      return;
    }
    const agent = this.#registry.get(route);
    if (agent === undefined) {
      const text = `${route} has not signed on with this broker`;
      turn.send(route, { type: 'refuse', code: 'AGENT_UNKNOWN', message: text, protocol: BROKER_VERSIONS });
      return;
    }
    if (this.#registry.heard(agent, turn.nowMs)) this.#remind(turn, agent);
    switch (message.type) {
      case 'beat':
        this.#beat(turn, agent, message);
        return;
      case 'bundle.get':
        turn.do({ type: 'piece', agent: route, id: message.id, hash: message.hash, offset: message.offset });
        return;
      case 'slot.released':
        this.#released(turn, agent, message.run);
        return;
      case 'original.reply':
        // For the controller of the original's runs; here it only shows that the agent lives.
        return;
      default:
        if (message.run !== undefined) this.#aboutRun(turn, agent, message as RunMessage & { readonly run: RunId });
    }
  }

  #hello(turn: Turn, route: string, hello: Extract<AgentMessage, { type: 'hello' }>): void {
    const checked = checkHello(route, hello, this.#registry);
    if (!checked.ok) {
      const { code, message } = checked;
      turn.send(route, { type: 'refuse', code, message, protocol: BROKER_VERSIONS });
      return;
    }
    const { id, protocol } = checked;
    const agent = this.#registry.signOn(id, hello, turn.nowMs);
    this.#registry.heard(agent, turn.nowMs);
    agent.draining = this.#draining.has(id);
    for (const run of this.#runs.values()) if (run.member(id)?.released === false) agent.holds.add(run.id);
    const { boot, version, receiver, beatMs, leaseMs, lostMs } = this.#config;
    turn.send(id, { type: 'welcome', boot, version, protocol, agent: id, receiver, beatMs, leaseMs, lostMs });
    if (agent.draining) turn.send(id, { type: 'drain' });
    this.#remind(turn, agent);
    this.#askAfterRun(turn, agent, hello);
  }

  /** An agent is (again) there: it hears what it has not confirmed. */
  #remind(turn: Turn, agent: KnownAgent): void {
    for (const id of agent.holds) {
      const run = this.#runs.get(id);
      const member = run?.member(agent.id);
      if (run === undefined || member === undefined) turn.send(agent.id, { type: 'forget', run: id });
      else run.tell(turn, member);
    }
  }

  /** An agent that says nothing of a run that it has part in is asked: what it answers shows whether it still has it. */
  #askAfterRun(turn: Turn, agent: KnownAgent, hello: Extract<AgentMessage, { type: 'hello' }>): void {
    for (const id of agent.holds) {
      const run = this.#runs.get(id);
      const member = run?.member(agent.id);
      if (run === undefined || member === undefined || hello.run?.run === id || isOver(run.record.step)) continue;
      if (!member.lost && member.progress !== 'reserved' && member.progress !== 'finished')
        turn.send(agent.id, prepareOf(run.record));
    }
  }

  #beat(turn: Turn, agent: KnownAgent, beat: Extract<AgentMessage, { type: 'beat' }>): void {
    agent.beat = beat;
    const { nowMs } = turn;
    let grant = null;
    for (const id of agent.holds) {
      const run = this.#runs.get(id);
      const member = run?.member(agent.id);
      if (run !== undefined && member !== undefined) grant ??= run.grants.give(run.record, member, nowMs);
    }
    const { seq, sentMs } = beat;
    turn.send(agent.id, { type: 'beat', seq, sentMs, receivedMs: nowMs, answeredMs: nowMs, grant });
  }

  /** Nothing of a run is left on an agent. If it was not to end yet, it has lost the run. */
  #released(turn: Turn, agent: KnownAgent, id: RunId): void {
    agent.holds.delete(id);
    const run = this.#runs.get(id);
    const member = run?.member(agent.id);
    if (run === undefined || member === undefined || member.released) return;
    run.setMember(agent.id, { released: true });
    loseMember(run, turn, member, 'it has nothing of the run any more');
    gatherIfComplete(run, turn);
  }

  #aboutRun(turn: Turn, agent: KnownAgent, message: RunMessage & { readonly run: RunId }): void {
    const run = this.#runs.get(message.run);
    const member = run?.member(agent.id);
    if (run !== undefined && member !== undefined && !member.released) {
      memberSays(run, turn, member, message);
      return;
    }
    if ('id' in message) {
      const text = `run ${message.run} is not one of this agent's`;
      const { message: reply } = refusal(agent.id, message.id, 'RUN_UNKNOWN', text);
      turn.send(agent.id, reply);
    }
    agent.holds.add(message.run);
    turn.send(agent.id, { type: 'forget', run: message.run });
  }

  #clientAsks(turn: Turn, { client, message, fresh }: Of<'client'>): void {
    const changes = changesSomething(message);
    const key = this.#repeats.keyOf(client, message);
    const outcome =
      (changes ? this.#repeats.of(key) : undefined) ??
      answerQuestion(this.#questionPort(turn), turn, client, message, fresh);
    if (outcome === null) return;
    if (changes && this.#repeats.of(key) === undefined) this.#keep(turn, key, outcome, message.type === 'submit');
    this.#answer(turn, client, message.id, outcome);
  }

  #questionPort(turn: Turn): QuestionPort {
    return {
      config: this.#config,
      registry: this.#registry,
      run: (id) => this.#runs.get(id),
      isFinished: (id) => this.#finished.has(id),
      live: () => this.runs().map(infoOf),
      agents: () => this.agents(),
      admit: (record) => {
        const run = this.#makeRun(record);
        this.#runs.set(record.id, run);
        return run;
      },
      drain: (agent) => this.#drain(turn, agent),
    };
  }

  /** An accepted submission is known by its id even to the broker after this one. */
  #keep(turn: Turn, key: string, outcome: Outcome, overRestarts: boolean): void {
    this.#repeats.keep(key, outcome, turn.wallMs);
    if (!overRestarts || !outcome.ok) return;
    const value: KeptAnswer = { result: outcome.result, wallMs: turn.wallMs };
    turn.do({ type: 'save', key: `${ASKED}${key}`, value });
  }

  #answer(turn: Turn, client: string, id: string, outcome: Outcome): void {
    if (outcome.ok) turn.do({ type: 'answer', client, id, result: outcome.result });
    else {
      const { code, message } = outcome;
      turn.do({ type: 'refuse', client, id, error: { code, message: `[${code}] ${message}` } });
    }
  }

  #drain(turn: Turn, agent: KnownAgent): void {
    agent.draining = true;
    this.#draining.add(agent.id);
    turn.do({ type: 'save', key: `${DRAINING}${agent.id}`, value: true });
    for (const oldest of this.#draining) {
      if (this.#draining.size <= this.#config.maxAgents) break;
      this.#draining.delete(oldest);
      turn.do({ type: 'delete', key: `${DRAINING}${oldest}` });
    }
    turn.send(agent.id, { type: 'drain' });
  }

  #sweep(turn: Turn): void {
    for (const agent of this.#registry.sweep(turn.nowMs, this.#config.lostMs)) {
      for (const id of agent.holds) {
        const run = this.#runs.get(id);
        const member = run?.member(agent.id);
        if (run !== undefined && member !== undefined)
          loseMember(run, turn, member, `silent for ${this.#config.lostMs} ms`);
      }
    }
    for (const run of [...this.#runs.values()]) this.#sweepRun(turn, run);
    if (turn.nowMs - this.#toldMs < this.#config.tellAgainMs) return;
    this.#toldMs = turn.nowMs;
    for (const key of this.#repeats.sweep(turn.wallMs)) turn.do({ type: 'delete', key: `${ASKED}${key}` });
    for (const agent of this.#registry.all())
      if (!agent.lost)
        for (const id of agent.holds) if (!this.#runs.has(id)) turn.send(agent.id, { type: 'forget', run: id });
  }

  #sweepRun(turn: Turn, run: Run): void {
    const { startAtMs, step } = run.record;
    if (step === 'waiting' && startAtMs !== null && turn.nowMs >= startAtMs) begin(run, turn);
    if (turn.nowMs - run.toldMs >= this.#config.tellAgainMs) run.tellAll(turn);
    if (turn.nowMs < run.deadlineMs) return;
    run.deadlineMs = Number.POSITIVE_INFINITY;
    if (isPreparing(step)) preparingIsLate(run, turn);
    else if (isLoading(step)) loadingIsLate(run, turn);
    else if (step === 'finished') this.#conclude(turn, run.id);
    else settlingIsLate(run, turn);
  }

  /** Everything that a finished run leaves is kept: now it may be told, and forgotten. */
  #conclude(turn: Turn, id: RunId): void {
    const run = this.#runs.get(id);
    if (run === undefined || run.record.step !== 'finished') return;
    const { verdict, reason } = run.record;
    run.publishState(turn, `${verdict}${reason === null ? '' : `: ${reason}`}`);
    run.tellAll(turn);
    for (const each of deletesOf(run.record)) turn.do(each);
    this.#runs.delete(id);
    this.#saved.delete(id);
    this.#finished.add(id);
    for (const oldest of this.#finished) {
      if (this.#finished.size <= MAX_FINISHED) break;
      this.#finished.delete(oldest);
    }
  }
}
