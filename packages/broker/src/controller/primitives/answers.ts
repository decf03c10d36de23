import type { BrokerMessage } from '@muster/protocol';

/** An answer to a question of an agent. */
export interface AgentAnswer {
  readonly agent: string;
  readonly message: Extract<BrokerMessage, { type: 'reply' }>;
}

export const answer = (agent: string, id: string, result: unknown): AgentAnswer => ({
  agent,
  message: { type: 'reply', id, result },
});

export const refusal = (agent: string, id: string, code: string, message: string): AgentAnswer => ({
  agent,
  message: { type: 'reply', id, error: { code, message } },
});

/** Who waits for an answer to which question. */
export interface Asker {
  readonly agent: string;
  readonly id: string;
}

/** Answers of one agent that are remembered. */
const PER_AGENT = 4_096;

/** Answers that must not be made a second time: a question that is asked again gets the same one. */
export class AnswerMemory {
  readonly #agents = new Map<string, Map<string, AgentAnswer>>();

  of({ agent, id }: Asker): AgentAnswer | undefined {
    return this.#agents.get(agent)?.get(id);
  }

  keep(given: AgentAnswer): AgentAnswer {
    const answers = this.#agents.get(given.agent) ?? new Map<string, AgentAnswer>();
    this.#agents.set(given.agent, answers);
    answers.set(given.message.id, given);
    for (const oldest of answers.keys()) {
      if (answers.size <= PER_AGENT) break;
      answers.delete(oldest);
    }
    return given;
  }
}
