import type { Work } from './known-agents.js';

/** A command that a native agent was given. */
export interface GivenOrder {
  readonly agent: string;
  readonly command: string;
  /** What the agent worked for when it was given. */
  readonly work: Work | undefined;
}

/** Commands that are not answered; beyond it the oldest are forgotten. */
const MAX = 10_000;

/** Ids of the commands to native agents, so that an answer tells which one it answers. */
export class OrderIds {
  readonly #boot: string;
  readonly #given = new Map<string, GivenOrder>();
  #last = 0;

  /** @param boot changes with each start: an answer to an earlier broker is nobody's */
  constructor(boot: string) {
    this.#boot = boot.slice(0, 16);
  }

  give(agent: string, command: string, work: Work | undefined): string {
    this.#last += 1;
    const id = `${this.#boot}-${this.#last}`;
    this.#given.set(id, { agent, command, work });
    for (const oldest of this.#given.keys()) {
      if (this.#given.size <= MAX) break;
      this.#given.delete(oldest);
    }
    return id;
  }

  /** What an agent was told under this id; the first answer counts. */
  take(id: string, agent: string): GivenOrder | null {
    const given = this.#given.get(id);
    if (given?.agent !== agent) return null;
    this.#given.delete(id);
    return given;
  }
}
