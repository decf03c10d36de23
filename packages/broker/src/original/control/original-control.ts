import { OriginalRunId, type SignedOn } from '@muster/protocol';
import type { Registry } from '../../controller/agents/registry.js';
import type { Instant } from '../../controller/events.js';
import { AgentTalk } from './agent-talk.js';
import { askAgent, type DirectPort, lookAfterQuitters, settleDirect } from './ask-agent.js';
import { type OriginalConfig, type ResolvedOriginalConfig, resolveOriginalConfig } from './control-config.js';
import type { ControlParts } from './control-parts.js';
import { DirectQuestions } from './direct-questions.js';
import type { ControlQuestion, FreshOriginalRun, OrderBody, OriginalEffect, OriginalEvent } from './events.js';
import { agentKey, keptIn } from './kept-state.js';
import { KnownAgents } from './known-agents.js';
import { refused } from './replies.js';
import { Rounds } from './rounds.js';
import { RunBook } from './run-book.js';
import { RunCommands } from './run-commands.js';

/**
 * The controller of the original's runs: who is signed on, who works for which run, when a run is over. It does no I/O,
 * reads no clock and draws no random number; what it must know after a restart goes through `save`.
 *
 * | an agent is | until                                                                                          |
 * |-------------|------------------------------------------------------------------------------------------------|
 * | idle        | it is reserved, or results or its own word show that it works for a run that is not over       |
 * | working     | it says that none of its workers runs, signs off, is silent for the timeout or without a connection |
 *
 * A run is over with the last agent that works for it.
 */
export class OriginalControl {
  readonly #config: ResolvedOriginalConfig;
  readonly #agents: KnownAgents;
  readonly #runs: RunBook;
  readonly #commands: RunCommands;
  readonly #direct = new DirectQuestions();
  readonly #talk: AgentTalk;
  readonly #rounds: Rounds;
  #at: Instant = { nowMs: 0, wallMs: 0 };
  #effects: OriginalEffect[] = [];

  /** @param registry the native agents, shared with their controller */
  constructor(config: OriginalConfig, registry: Registry, saved: Readonly<Record<string, unknown>> = {}) {
    this.#config = resolveOriginalConfig(config);
    this.#agents = new KnownAgents(registry);
    const kept = keptIn(saved);
    const toDo = {
      do: (effect: OriginalEffect): void => void this.#effects.push(effect),
      now: (): Instant => this.#at,
    };
    this.#runs = new RunBook(kept, toDo);
    const parts: ControlParts = { ...toDo, config: this.#config, agents: this.#agents, runs: this.#runs };
    const endWork = (agent: string): void => this.#endWork(agent);
    this.#talk = new AgentTalk({
      ...parts,
      endWork,
      register: (info) => this.#register(info),
      settle: (answer, fits) => settleDirect(this.#directPort(), answer, fits),
    });
    const tell = (agent: string, order: OrderBody): void => void this.#talk.tell(agent, order);
    this.#commands = new RunCommands({ ...parts, tell });
    this.#rounds = new Rounds({ ...parts, tell, endWork, signOff: (agent, why) => this.#signOff(agent, why) });
    for (const info of kept.agents) this.#agents.signOn(info);
    for (const { id, step, members } of kept.runs)
      if (step === 'running')
        for (const { agent, native, since } of members) this.#agents.begin(agent, id, native, { since, nowMs: 0 });
  }

  /** What is to be done first after a start. */
  begin(at: Instant): readonly OriginalEffect[] {
    return this.#turn(at, () => this.#runs.resume());
  }

  handle(event: OriginalEvent, at: Instant): readonly OriginalEffect[] {
    return this.#turn(at, () => this.#take(event));
  }

  /** Agents of both dialects that are there. */
  agents(): readonly SignedOn[] {
    return this.#agents.listed();
  }
  isSignedOn(agent: string): boolean {
    return this.#agents.signed(agent) !== undefined;
  }
  /** Whether it signed on with its bare id, as the two oldest generations do: they have a REP, which wants other frames. */
  isOldest(agent: string): boolean {
    const known = this.#agents.signed(agent);
    return known !== undefined && known.hostname === null && known.pid === known.agent;
  }
  /** The run that an agent works for. */
  runOf(agent: string): string | null {
    return this.#agents.work(agent)?.run ?? null;
  }
  /** Whether the run is not over. */
  isActive(run: string): boolean {
    return this.#runs.get(run) !== undefined || this.#config.nativeRuns().some(({ id }) => id === run);
  }
  /** Whether results of this agent about this run tell nothing new: asked for every message. */
  isOldNews(run: string, agent: string): boolean {
    return this.#agents.work(agent)?.run === run || this.#runs.isOver(run) || !this.#agents.isFree(agent);
  }

  #turn(at: Instant, act: () => void): readonly OriginalEffect[] {
    this.#at = at;
    this.#effects = [];
    act();
    const isSave = ({ type }: OriginalEffect): boolean => type === 'save' || type === 'delete';
    return [...this.#effects.filter(isSave), ...this.#effects.filter((effect) => !isSave(effect))];
  }

  #do(effect: OriginalEffect): void {
    this.#effects.push(effect);
  }
  /** Now, in seconds since 1970. */
  get #seconds(): number {
    return this.#at.wallMs / 1_000;
  }

  #take(event: OriginalEvent): void {
    switch (event.type) {
      case 'register':
        this.#register(event.info);
        return;
      case 'unregister':
        this.#signOff(event.agent, 'it signed off');
        return;
      case 'native':
        this.#nativeIsHere(event.agent, event.original);
        return;
      case 'answer':
        this.#talk.answered(event.agent, event.answer, event.client);
        return;
      case 'reply':
        this.#talk.replied(event.agent, event.id, event.answer);
        return;
      case 'unreachable':
        this.#unreachable(event.agent, event.command);
        return;
      case 'ask':
        this.#ask(event.client, event.question, event.fresh);
        return;
      case 'opened':
        this.#commands.opened(event.run, event.fault);
        return;
      case 'ended':
        this.#runs.ended(event.run);
        return;
      case 'sent':
        if (!this.isOldNews(event.run, event.agent)) this.#join(event.run, event.agent);
        return;
      case 'sweep':
        this.#sweep();
    }
  }

  #register(info: SignedOn): void {
    const { agent } = info;
    const known = this.#agents.signed(agent);
    if (known !== undefined) {
      known.confirmByMs = null;
      return;
    }
    if (this.#agents.isNative(agent)) return;
    if (this.#agents.count() >= this.#config.maxAgents) {
      this.#do({ type: 'log', level: 'warn', text: `agent ${agent} is one too many, and is ignored` });
      return;
    }
    this.#agents.signOn(info);
    this.#agents.contact(agent).asked = [];
    this.#do({ type: 'save', key: agentKey(agent), value: info });
    this.#do({ type: 'log', level: 'info', text: `agent ${agent} of the original signed on` });
  }

  #signOff(agent: string, why: string): void {
    if (this.#agents.signed(agent) === undefined) return;
    this.#agents.signOff(agent);
    this.#do({ type: 'delete', key: agentKey(agent) });
    this.#do({ type: 'log', level: 'info', text: `agent ${agent} of the original is gone: ${why}` });
    for (const question of this.#direct.takeAll((each) => each.agent === agent)) {
      const body =
        question.command === 'QUIT'
          ? { result: { status: {}, command: 'QUIT' }, agent_id: agent }
          : refused(`${agent}: ${why}`);
      this.#do({ type: 'answer', client: question.client, body });
    }
    this.#endWork(agent);
  }

  /** A native agent signed on: runs that it names and that are over it forgets, others it has part in. */
  #nativeIsHere(agent: string, original: readonly string[]): void {
    this.#agents.contact(agent).awayMs = null;
    for (const run of original) {
      const work = this.#agents.work(agent);
      if (work?.run === run) continue;
      if (work === undefined && this.#agents.isFree(agent) && this.#join(run, agent)) continue;
      this.#talk.tell(agent, { command: 'STOP', run_id: run });
    }
  }

  /** An agent turns out to work for a run. @returns false when the run is over. */
  #join(run: string, agent: string): boolean {
    if (this.#runs.isOver(run) || this.#config.nativeRuns().some(({ id }) => id === run)) return false;
    // Whoever sends results names their run.
    if (!OriginalRunId.safeParse(run).success) return false;
    const known = this.#runs.get(run);
    if (known !== undefined && known.step !== 'running') return false;
    if (known === undefined && this.#runs.count >= this.#config.maxRuns) return false;
    const native = this.#agents.isNative(agent);
    const member = { agent, native, since: this.#seconds };
    this.#agents.begin(agent, run, native, { since: member.since, nowMs: this.#at.nowMs });
    const record = known ?? { id: run, step: 'running', members: [], errors: {}, ending: null };
    this.#runs.keep({ ...record, members: [...record.members, member] });
    this.#do({ type: 'log', level: 'info', text: `agent ${agent} works for run ${run}` });
    return true;
  }

  #endWork(agent: string): void {
    const run = this.#agents.end(agent)?.run;
    if (run !== undefined && run !== null) this.#runs.leave(run, agent);
  }

  #unreachable(agent: string, command: string): void {
    const contact = this.#agents.contactOf(agent);
    if (contact === undefined) return;
    contact.awayMs ??= this.#at.nowMs;
    this.#talk.undelivered(agent, command);
    const isGone = this.#at.nowMs - contact.awayMs >= this.#config.goneMs;
    if (command === 'RUN' || command === 'QUIT' || isGone || this.#isQuitting(agent)) this.#gone(agent);
  }

  #isQuitting(agent: string): boolean {
    return this.#direct.quitting().some((question) => question.agent === agent);
  }

  #gone(agent: string): void {
    const why = 'it has no connection any more';
    if (this.#agents.signed(agent) !== undefined) this.#signOff(agent, why);
    else this.#endWork(agent);
  }

  #ask(client: string, question: ControlQuestion, fresh: FreshOriginalRun): void {
    switch (question.name) {
      case 'CTRL_RUN':
        this.#commands.run(client, question.fields, fresh);
        return;
      case 'CTRL_LIST_RUNS':
        this.#commands.list(client);
        return;
      case 'CTRL_STOP_RUN':
        this.#commands.stop(client, question.fields.run_id);
        return;
      default:
        askAgent(this.#directPort(), client, question);
    }
  }

  #directPort(): DirectPort {
    return {
      agents: this.#agents,
      direct: this.#direct,
      at: this.#at,
      directMs: this.#config.directMs,
      receiver: this.#config.receiver,
      tell: (agent, order, client) => this.#talk.tell(agent, order, client),
      answer: (client, body) => this.#do({ type: 'answer', client, body }),
      begin: (agent) => this.#agents.begin(agent, null, true, { since: this.#seconds, nowMs: this.#at.nowMs }),
    };
  }

  #sweep(): void {
    const { nowMs } = this.#at;
    for (const question of this.#direct.takeAll(({ untilMs }) => nowMs >= untilMs))
      this.#do({
        type: 'answer',
        client: question.client,
        body: refused(`${question.agent} did not answer ${question.command} in ${this.#config.directMs} ms`),
      });
    lookAfterQuitters(this.#directPort());
    this.#rounds.due();
  }
}
