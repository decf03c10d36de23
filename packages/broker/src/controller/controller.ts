import { type AgentInfo, type RunId, TIMES } from '@muster/protocol';
import { AgentDesk } from './agents/agent-desk.js';
import { agentInfo, Registry } from './agents/registry.js';
import { answerQuestion, changesSomething, type QuestionPort } from './clients/questions.js';
import { type KeptAnswer, type Outcome, Repeats } from './clients/repeats.js';
import { type ControllerConfig, type ResolvedConfig, resolveConfig } from './controller-config.js';
import type { ControllerEffect, ControllerEvent, Instant } from './events.js';
import { begin, loadingIsLate, stopRun } from './run/loading.js';
import { preparingIsLate } from './run/preparing.js';
import { resume } from './run/resume.js';
import { Run } from './run/run.js';
import { isLoading, isPreparing } from './run/run-life.js';
import { RunTable } from './run/run-table.js';
import { counted, gatherIfComplete, settlingIsLate, summarised } from './run/settling.js';
import { infoOf, type RunRecord } from './run-record.js';
import { Turn } from './turn.js';

/** What was saved: the values of all keys, as an earlier controller left them. */
export type SavedState = Readonly<Record<string, unknown>>;

type Of<T extends ControllerEvent['type']> = Extract<ControllerEvent, { type: T }>;

const ASKED = 'asked/';

/**
 * The broker's controller: who is there, which runs go on, who may load until when, and how each run ends. It does no
 * I/O, reads no clock and draws no random number; all that it must know after a restart goes through `save`.
 */
export class Controller {
  readonly #config: ResolvedConfig;
  readonly #registry: Registry;
  readonly #repeats = new Repeats(TIMES.repeatMs);
  readonly #runs: RunTable;
  readonly #desk: AgentDesk;
  #toldMs = Number.NEGATIVE_INFINITY;
  #nowMs = 0;

  /** @param registry the agents, when another controller reserves them too */
  constructor(config: ControllerConfig, saved: SavedState = {}, registry?: Registry) {
    this.#config = resolveConfig(config);
    this.#registry = registry ?? new Registry(this.#config.maxAgents);
    this.#runs = new RunTable(
      saved,
      (record) => new Run(record, { config: this.#config, agent: (id) => this.#registry.get(id) }),
    );
    this.#desk = new AgentDesk(this.#config, this.#registry, this.#runs, saved);
    for (const [key, value] of Object.entries(saved))
      if (key.startsWith(ASKED)) this.#repeats.restore(key.slice(ASKED.length), value as KeptAnswer);
  }

  /** What is to be done first after a start: runs that an earlier broker left are taken to their end. */
  begin(at: Instant): readonly ControllerEffect[] {
    const left = this.#runs.all();
    const effects = this.#turn(at, (turn) => {
      for (const run of left) resume(run, turn);
    });
    return [
      ...this.#runs.orphans.map((key) => ({ type: 'delete', key }) as const),
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
    return this.#runs.records();
  }

  /** Does one thing to its end. What it changed is saved before anything that follows from it leaves. */
  #turn(at: Instant, act: (turn: Turn) => void): readonly ControllerEffect[] {
    this.#nowMs = at.nowMs;
    const turn = new Turn(at);
    act(turn);
    const { saves, news } = this.#runs.takeChanges();
    const isSave = ({ type }: ControllerEffect): boolean => type === 'save' || type === 'delete';
    return [...saves, ...turn.effects.filter(isSave), ...news, ...turn.effects.filter((effect) => !isSave(effect))];
  }

  #take(turn: Turn, event: ControllerEvent): void {
    switch (event.type) {
      case 'agent':
        this.#desk.says(turn, event.agent, event.message);
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
      isFinished: (id) => this.#runs.isFinished(id),
      live: () => this.runs().map(infoOf),
      agents: () => this.agents(),
      admit: (record) => this.#runs.admit(record),
      drain: (agent) => this.#desk.drain(turn, agent),
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

  #sweep(turn: Turn): void {
    this.#desk.sweep(turn);
    for (const run of this.#runs.all()) this.#sweepRun(turn, run);
    if (turn.nowMs - this.#toldMs < this.#config.tellAgainMs) return;
    this.#toldMs = turn.nowMs;
    for (const key of this.#repeats.sweep(turn.wallMs)) turn.do({ type: 'delete', key: `${ASKED}${key}` });
    this.#desk.tellAgain(turn);
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
    for (const each of this.#runs.close(run)) turn.do(each);
  }
}
