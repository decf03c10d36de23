import { type AgentAnswer, answer } from './answers.js';

/** Who is waited for. */
export interface BarrierPort {
  /** Agents that have not finished and are not lost. */
  expected(): readonly string[];
  /** How many agents the run has lost. */
  lost(): number;
}

/** Places at which all wait until the last has come. An agent that takes no further part is not waited for. */
export class Barriers {
  readonly #port: BarrierPort;
  /** By name, who has arrived with which question. */
  readonly #open = new Map<string, Map<string, string>>();

  constructor(port: BarrierPort) {
    this.#port = port;
  }

  arrive(agent: string, id: string, name: string): readonly AgentAnswer[] {
    const arrived = this.#open.get(name) ?? new Map<string, string>();
    this.#open.set(name, arrived.set(agent, id));
    return this.#go(name, arrived);
  }

  /** An agent takes no further part. */
  lose(agent: string): readonly AgentAnswer[] {
    return [...this.#open].flatMap(([name, arrived]) => {
      arrived.delete(agent);
      return this.#go(name, arrived);
    });
  }

  #go(name: string, arrived: ReadonlyMap<string, string>): readonly AgentAnswer[] {
    if (this.#port.expected().some((agent) => !arrived.has(agent))) return [];
    this.#open.delete(name);
    const result = { arrived: arrived.size, lost: this.#port.lost() };
    return [...arrived].map(([agent, id]) => answer(agent, id, result));
  }
}
