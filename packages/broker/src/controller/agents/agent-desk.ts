import type { AgentMessage, RunId } from '@muster/protocol';
import type { ResolvedConfig } from '../controller-config.js';
import { refusal } from '../primitives/answers.js';
import { loseMember } from '../run/loading.js';
import { memberSays, type RunMessage } from '../run/member-says.js';
import { prepareOf } from '../run/orders.js';
import { isOver } from '../run/run-life.js';
import type { RunTable } from '../run/run-table.js';
import { gatherIfComplete } from '../run/settling.js';
import type { Turn } from '../turn.js';
import type { BeatMessage, HelloMessage, KnownAgent, Registry } from './registry.js';
import { BROKER_VERSIONS, checkHello } from './sign-on.js';

const DRAINING = 'draining/';

/** Where agents are heard: they sign on, beat for the right to load, and speak of the runs that they have part in. */
export class AgentDesk {
  readonly #config: ResolvedConfig;
  readonly #registry: Registry;
  readonly #runs: RunTable;
  /** Agents that were told to take no further run, over restarts of the broker. */
  readonly #draining: Set<string>;

  constructor(config: ResolvedConfig, registry: Registry, runs: RunTable, saved: Readonly<Record<string, unknown>>) {
    this.#config = config;
    this.#registry = registry;
    this.#runs = runs;
    this.#draining = new Set(
      Object.keys(saved).flatMap((key) => (key.startsWith(DRAINING) ? [key.slice(DRAINING.length)] : [])),
    );
  }

  says(turn: Turn, route: string, message: AgentMessage): void {
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

  #hello(turn: Turn, route: string, hello: HelloMessage): void {
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
    for (const run of this.#runs.all()) if (run.member(id)?.released === false) agent.holds.add(run.id);
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
  #askAfterRun(turn: Turn, agent: KnownAgent, hello: HelloMessage): void {
    for (const id of agent.holds) {
      const run = this.#runs.get(id);
      const member = run?.member(agent.id);
      if (run === undefined || member === undefined || hello.run?.run === id || isOver(run.record.step)) continue;
      if (!member.lost && member.progress !== 'reserved' && member.progress !== 'finished')
        turn.send(agent.id, prepareOf(run.record));
    }
  }

  #beat(turn: Turn, agent: KnownAgent, beat: BeatMessage): void {
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

  /** It takes no further run. */
  drain(turn: Turn, agent: KnownAgent): void {
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

  /** Who has been silent for too long loses its runs. */
  sweep(turn: Turn): void {
    const { lostMs } = this.#config;
    for (const agent of this.#registry.sweep(turn.nowMs, lostMs)) {
      for (const id of agent.holds) {
        const run = this.#runs.get(id);
        const member = run?.member(agent.id);
        if (run !== undefined && member !== undefined) loseMember(run, turn, member, `silent for ${lostMs} ms`);
      }
    }
  }

  /** Agents that still hold runs which are over hear again that they may forget them. */
  tellAgain(turn: Turn): void {
    for (const agent of this.#registry.all())
      if (!agent.lost)
        for (const id of agent.holds) if (!this.#runs.has(id)) turn.send(agent.id, { type: 'forget', run: id });
  }
}
