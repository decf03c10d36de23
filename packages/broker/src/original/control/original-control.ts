import { type AgentAnswer, OriginalRunId, type SignedOn } from '@muster/protocol';
import type { Registry } from '../../controller/agents/registry.js';
import type { Instant } from '../../controller/events.js';
import { askAgent, type DirectPort, lookAfterQuitters, settleDirect } from './ask-agent.js';
import { type OriginalConfig, type ResolvedOriginalConfig, resolveOriginalConfig } from './control-config.js';
import { DirectQuestions } from './direct-questions.js';
import type { ControlQuestion, FreshOriginalRun, OrderBody, OriginalEffect, OriginalEvent } from './events.js';
import { agentKey, keptIn } from './kept-state.js';
import { KnownAgents, type Work } from './known-agents.js';
import { OrderIds } from './order-ids.js';
import { errorText, refused } from './replies.js';
import { Heartbeat, Rhythm } from './rhythm.js';
import { RunBook } from './run-book.js';
import { RunCommands } from './run-commands.js';
import { endsWork, statusOf } from './worker-status.js';

/** Unanswered questions to one agent that are remembered. */
const MAX_ASKED = 50;
/** Idle agents are looked at once in so many polls. */
const IDLE_POLLS = 4;

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
  readonly #ids: OrderIds;
  readonly #polls: Rhythm;
  readonly #beats: Rhythm;
  readonly #heartbeat = new Heartbeat();
  #polled = 0;
  #at: Instant = { nowMs: 0, wallMs: 0 };
  #effects: OriginalEffect[] = [];

  /** @param registry the native agents, shared with their controller */
  constructor(config: OriginalConfig, registry: Registry, saved: Readonly<Record<string, unknown>> = {}) {
    this.#config = resolveOriginalConfig(config);
    this.#agents = new KnownAgents(registry);
    this.#ids = new OrderIds(this.#config.boot);
    this.#polls = new Rhythm(this.#config.pollMs);
    this.#beats = new Rhythm(this.#config.beatMs);
    const kept = keptIn(saved);
    this.#runs = new RunBook(kept, { do: (effect) => this.#do(effect), now: () => this.#at });
    this.#commands = new RunCommands({
      config: this.#config,
      agents: this.#agents,
      runs: this.#runs,
      do: (effect) => this.#do(effect),
      tell: (agent, order) => void this.#tell(agent, order),
      now: () => this.#at,
    });
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
        this.#answered(event.agent, event.answer, event.client);
        return;
      case 'reply':
        this.#replied(event.agent, event.id, event.answer);
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
      this.#tell(agent, { command: 'STOP', run_id: run });
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

  #answered(agent: string, answer: AgentAnswer, client: string | null): void {
    if (this.#agents.signed(agent) === undefined) {
      // It was forgotten while it worked: its own word is as good as a registration.
      if (answer.agent_id !== agent || answer.pid === undefined || this.#agents.isNative(agent)) return;
      this.#register({ agent, pid: answer.pid, hostname: answer.hostname ?? null });
    }
    const contact = this.#agents.contact(agent);
    contact.awayMs = null;
    const work = this.#agents.work(agent);
    const command = answer.result?.command;
    let stale = false;
    if (isStatus(command)) {
      contact.asked.shift();
      stale = work !== undefined && work.stale > 0;
      if (work !== undefined && stale) work.stale -= 1;
    }
    settleDirect(
      this.#directPort(),
      answer,
      ({ agent: asked, client: asker, command: was }) =>
        asked === agent && asker === client && (was === command || command === undefined),
    );
    // An error names no command. Without a client it answers the broker, whose first one was RUN.
    const isOfRun = client === null && answer.error !== undefined && answer.error !== null && work?.begun === false;
    this.#hear(agent, answer, isOfRun ? 'RUN' : command, stale);
  }

  #replied(agent: string, id: string, answer: AgentAnswer): void {
    const order = this.#ids.take(id, agent);
    if (order === null) return;
    this.#agents.contact(agent).awayMs = null;
    settleDirect(this.#directPort(), answer, (question) => question.id === id && question.agent === agent);
    this.#hear(agent, answer, order.command, order.work !== this.#agents.work(agent));
  }

  /** What an agent says of its workers. `stale`: it answers a question from before its work began. */
  #hear(agent: string, answer: AgentAnswer, command: string | undefined, stale: boolean): void {
    const status = statusOf(answer);
    if (command === '_STATUS' && status !== null)
      this.#agents.contact(agent).status = { ...answer.result, command: '_STATUS' };
    const work = this.#agents.work(agent);
    if (work === undefined || stale) return;
    if (command === 'RUN') {
      if (answer.error !== undefined && answer.error !== null) this.#couldNotRun(agent, work, errorText(answer.error));
      else this.#works(work);
      return;
    }
    if (status === null) return;
    if (!isStatus(command) && !work.stopping) return;
    if (endsWork(status, work.run)) this.#endWork(agent);
    else this.#works(work);
  }

  #works(work: Work): void {
    work.begun = true;
    work.heardMs = this.#at.nowMs;
  }

  /** The original never tells: its run just ends without results. */
  #couldNotRun(agent: string, work: Work, why: string): void {
    this.#do({ type: 'log', level: 'warn', text: `agent ${agent} could not begin run ${work.run}: ${why}` });
    if (work.run !== null) this.#runs.noteError(work.run, agent, why);
    this.#endWork(agent);
  }

  #endWork(agent: string): void {
    const run = this.#agents.end(agent)?.run;
    if (run !== undefined && run !== null) this.#runs.leave(run, agent);
  }

  #unreachable(agent: string, command: string): void {
    const contact = this.#agents.contactOf(agent);
    if (contact === undefined) return;
    contact.awayMs ??= this.#at.nowMs;
    if (isStatus(command)) contact.asked.pop();
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

  /** @returns the id of the native message, null when the agent is one of the original. */
  #tell(agent: string, order: OrderBody, client: string | null = null): string | null {
    const contact = this.#agents.contact(agent);
    const native = this.#agents.work(agent)?.native ?? this.#agents.isNative(agent);
    if (isStatus(order.command) && !native) contact.asked = [...contact.asked.slice(-MAX_ASKED), this.#at.nowMs];
    const id = native ? this.#ids.give(agent, order.command, this.#agents.work(agent)) : null;
    this.#do({ type: 'tell', agent, order, id, client: native ? null : client });
    return id;
  }

  #directPort(): DirectPort {
    return {
      agents: this.#agents,
      direct: this.#direct,
      at: this.#at,
      directMs: this.#config.directMs,
      receiver: this.#config.receiver,
      tell: (agent, order, client) => this.#tell(agent, order, client),
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
    for (const { agent, confirmByMs } of this.#agents.allSigned())
      if (confirmByMs !== null && nowMs >= confirmByMs) this.#signOff(agent, 'it did not sign on again');
    if (this.#polls.isDue(nowMs)) this.#poll();
    if (this.#config.heartbeat && this.#beats.isDue(nowMs)) this.#beat();
  }

  #poll(): void {
    const orders = new Map<string | null, OrderBody>([[null, { command: '_STATUS' }]]);
    const orderOf = (run: string | null): OrderBody => {
      const order = orders.get(run) ?? { command: '_STATUS', run_id: run };
      orders.set(run, order);
      return order;
    };
    for (const [agent, work] of this.#agents.works()) {
      if (work.run !== null && this.#runs.get(work.run)?.step === 'opening') continue;
      if (work.heardMs !== null && this.#at.nowMs - work.heardMs > this.#config.agentTimeoutMs)
        this.#timeOut(agent, work);
      else {
        work.heardMs ??= this.#at.nowMs;
        this.#tell(agent, orderOf(work.run));
      }
    }
    this.#polled += 1;
    if (this.#polled % IDLE_POLLS !== 0) return;
    this.#agents.sweep();
    for (const { agent } of this.#agents.allSigned())
      if (this.#agents.work(agent) === undefined) this.#tell(agent, LOOK);
  }

  /** A native agent is not sent away: its workers end, and it goes on. */
  #timeOut(agent: string, work: Work): void {
    const why = `it did not answer for ${this.#config.agentTimeoutMs} ms`;
    this.#do({ type: 'log', level: 'warn', text: `agent ${agent} loses run ${work.run}: ${why}` });
    if (work.native) {
      this.#tell(agent, work.run === null ? { command: 'STOP' } : { command: 'STOP', run_id: work.run });
      this.#endWork(agent);
      return;
    }
    this.#tell(agent, { command: 'QUIT' });
    this.#signOff(agent, why);
  }

  /** Like the original, `REGISTER` makes agents sign on again; unlike there, none is dropped that works. */
  #beat(): void {
    const text = this.#heartbeat.next();
    this.#do({ type: 'beat', text });
    if (text !== 'REGISTER') return;
    for (const agent of this.#agents.allSigned())
      if (this.#agents.work(agent.agent) === undefined) agent.confirmByMs ??= this.#at.nowMs + this.#config.confirmMs;
  }
}

/** Shows whether an agent is there. Unlike `_STATUS` its answer is not kept for those who ask, as in the original. */
const LOOK: OrderBody = { command: 'STATUS' };
const isStatus = (command: string | undefined): boolean => command === '_STATUS' || command === 'STATUS';
