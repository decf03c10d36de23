import type { AgentAnswer, SignedOn } from '@muster/protocol';
import type { ControlParts } from './control-parts.js';
import type { DirectQuestion } from './direct-questions.js';
import type { OrderBody } from './events.js';
import type { Work } from './known-agents.js';
import { OrderIds } from './order-ids.js';
import { errorText } from './replies.js';
import { endsWork, statusOf } from './worker-status.js';

/** Unanswered questions to one agent that are remembered. */
const MAX_ASKED = 50;

/** What talk with agents needs of the controller. */
export interface AgentTalkPort extends ControlParts {
  register(info: SignedOn): void;
  /** The agent works for its run no more. */
  endWork(agent: string): void;
  /** Gives an answer to the client that waits for it. */
  settle(answer: AgentAnswer, fits: (question: DirectQuestion) => boolean): void;
}

/**
 * What agents are told, and what they answer: which question that belongs to, and what it says of their work. Answers of
 * native agents name their question; those of the original come in the order in which they were asked.
 */
export class AgentTalk {
  readonly #port: AgentTalkPort;
  readonly #ids: OrderIds;

  constructor(port: AgentTalkPort) {
    this.#ids = new OrderIds(port.config.boot);
    this.#port = port;
  }

  /** @returns the id of the native message, null when the agent is one of the original. */
  tell(agent: string, order: OrderBody, client: string | null = null): string | null {
    const { agents } = this.#port;
    const contact = agents.contact(agent);
    const native = agents.work(agent)?.native ?? agents.isNative(agent);
    if (isStatus(order.command) && !native)
      contact.asked = [...contact.asked.slice(-MAX_ASKED), this.#port.now().nowMs];
    const id = native ? this.#ids.give(agent, order.command, agents.work(agent)) : null;
    this.#port.do({ type: 'tell', agent, order, id, client: native ? null : client });
    return id;
  }

  /** What it was told does not reach it. */
  undelivered(agent: string, command: string): void {
    if (isStatus(command)) this.#port.agents.contact(agent).asked.pop();
  }

  /** An agent of the original answers. */
  answered(agent: string, answer: AgentAnswer, client: string | null): void {
    const { agents } = this.#port;
    if (agents.signed(agent) === undefined) {
      // It was forgotten while it worked: its own word is as good as a registration.
      if (answer.agent_id !== agent || answer.pid === undefined || agents.isNative(agent)) return;
      this.#port.register({ agent, pid: answer.pid, hostname: answer.hostname ?? null });
    }
    const contact = agents.contact(agent);
    contact.awayMs = null;
    const work = agents.work(agent);
    const command = answer.result?.command;
    let stale = false;
    if (isStatus(command)) {
      contact.asked.shift();
      stale = work !== undefined && work.stale > 0;
      if (work !== undefined && stale) work.stale -= 1;
    }
    this.#port.settle(
      answer,
      ({ agent: asked, client: asker, command: was }) =>
        asked === agent && asker === client && (was === command || command === undefined),
    );
    // An error names no command. Without a client it answers the broker, whose first one was RUN.
    const isOfRun = client === null && answer.error !== undefined && answer.error !== null && work?.begun === false;
    this.#hear(agent, answer, isOfRun ? 'RUN' : command, stale);
  }

  /** A native agent answers. */
  replied(agent: string, id: string, answer: AgentAnswer): void {
    const order = this.#ids.take(id, agent);
    if (order === null) return;
    this.#port.agents.contact(agent).awayMs = null;
    this.#port.settle(answer, (question) => question.id === id && question.agent === agent);
    this.#hear(agent, answer, order.command, order.work !== this.#port.agents.work(agent));
  }

  /** What an agent says of its workers. `stale`: it answers a question from before its work began. */
  #hear(agent: string, answer: AgentAnswer, command: string | undefined, stale: boolean): void {
    const { agents } = this.#port;
    const status = statusOf(answer);
    if (command === '_STATUS' && status !== null)
      agents.contact(agent).status = { ...answer.result, command: '_STATUS' };
    const work = agents.work(agent);
    if (work === undefined || stale) return;
    if (command === 'RUN') {
      if (answer.error !== undefined && answer.error !== null) this.#couldNotRun(agent, work, errorText(answer.error));
      else this.#works(work);
      return;
    }
    if (status === null) return;
    if (!isStatus(command) && !work.stopping) return;
    if (endsWork(status, work.run)) this.#port.endWork(agent);
    else this.#works(work);
  }

  #works(work: Work): void {
    work.begun = true;
    work.heardMs = this.#port.now().nowMs;
  }

  /** The original never tells: its run just ends without results. */
  #couldNotRun(agent: string, work: Work, why: string): void {
    this.#port.do({ type: 'log', level: 'warn', text: `agent ${agent} could not begin run ${work.run}: ${why}` });
    if (work.run !== null) this.#port.runs.noteError(work.run, agent, why);
    this.#port.endWork(agent);
  }
}

const isStatus = (command: string | undefined): boolean => command === '_STATUS' || command === 'STATUS';
