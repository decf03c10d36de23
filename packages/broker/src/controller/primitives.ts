import { type ClaimMode, claim, loseHolder, openBook } from '@muster/plan';
import type { BrokerMessage } from '@muster/protocol';
import { living, type RunRecord } from './run-record.js';

/** An answer to an agent's question. */
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

interface Waiting {
  readonly agent: string;
  readonly id: string;
}

/**
 * Once, barrier and claim of one run. What was given out lies in the run's record, which is saved before the answer
 * leaves; who waits lies here, for whoever waits asks again.
 */
export class Primitives {
  readonly #run: RunRecord;
  readonly #onceWaiting = new Map<string, Waiting[]>();
  readonly #barriers = new Map<string, Map<string, string>>();
  readonly #open = new Set<string>();

  constructor(run: RunRecord) {
    this.#run = run;
  }

  /** Hands out a value that is made one time: the first who asks makes it, the others wait. */
  onceGet(agent: string, id: string, name: string): AgentAnswer[] {
    const known = this.#run.once[name];
    if (known === undefined || (known.s === 'computing' && this.#isLost(known.agent))) {
      this.#run.once[name] = { s: 'computing', agent, id };
      return [answer(agent, id, { compute: true })];
    }
    if (known.s === 'made') return [answer(agent, id, { compute: false, value: known.value })];
    if (known.s === 'failed') return [refusal(agent, id, known.code, known.message)];
    // The same question again: its answer may have been lost.
    if (known.agent === agent && known.id === id) return [answer(agent, id, { compute: true })];
    const waiting = this.#onceWaiting.get(name) ?? [];
    if (!waiting.some((each) => each.agent === agent && each.id === id))
      this.#onceWaiting.set(name, [...waiting, { agent, id }]);
    return [];
  }

  oncePut(
    agent: string,
    id: string,
    name: string,
    value: unknown,
    error: { readonly code: string; readonly message: string } | undefined,
  ): AgentAnswer[] {
    const known = this.#run.once[name];
    if (known?.s === 'computing' && known.agent === agent) {
      this.#run.once[name] =
        error === undefined ? { s: 'made', value } : { s: 'failed', code: error.code, message: error.message };
    }
    const waiting = this.#onceWaiting.get(name) ?? [];
    this.#onceWaiting.delete(name);
    return [answer(agent, id, {}), ...waiting.flatMap((each) => this.onceGet(each.agent, each.id, name))];
  }

  #isLost(agent: string): boolean {
    return this.#run.members.find((member) => member.id === agent)?.lost ?? true;
  }

  /** All living members arrive, then all go on. */
  arrive(agent: string, id: string, name: string): AgentAnswer[] {
    if (this.#open.has(name))
      return [
        answer(agent, id, {
          arrived: this.#run.members.length,
          lost: this.#run.members.length - living(this.#run).length,
        }),
      ];
    const arrived = this.#barriers.get(name) ?? new Map<string, string>();
    arrived.set(agent, id);
    this.#barriers.set(name, arrived);
    return this.#release(name, arrived);
  }

  #release(name: string, arrived: ReadonlyMap<string, string>): AgentAnswer[] {
    const missing = living(this.#run).filter((member) => !member.finished && !arrived.has(member.id));
    if (missing.length > 0) return [];
    this.#barriers.delete(name);
    if (name === 'load-done') this.#open.add(name);
    const result = { arrived: arrived.size, lost: this.#run.members.length - living(this.#run).length };
    return [...arrived].map(([agent, id]) => answer(agent, id, result));
  }

  claim(agent: string, id: string, name: string, mode: ClaimMode, count: number, confirmed: number): AgentAnswer[] {
    const book = this.#run.claims[name] ?? openBook(mode, this.#totalOf(name));
    const given = claim(book, agent, count, confirmed);
    this.#run.claims[name] = given.book;
    return [answer(agent, id, { from: given.from, count: given.count, exhausted: given.exhausted })];
  }

  #totalOf(name: string): number | null {
    const scenario = this.#run.options?.scenarios.find((each) => `iterations:${each.name}` === name);
    return scenario?.executor === 'shared-iterations' ? scenario.iterations : null;
  }

  /** A member is lost: barriers no longer wait for it, what it held goes back, what it computes is computed anew. */
  lose(agent: string): AgentAnswer[] {
    for (const [name, book] of Object.entries(this.#run.claims)) this.#run.claims[name] = loseHolder(book, agent);
    const freed = [...this.#barriers].flatMap(([name, arrived]) => {
      arrived.delete(agent);
      return this.#release(name, arrived);
    });
    const again = [...this.#onceWaiting].flatMap(([name, waiting]) => {
      const known = this.#run.once[name];
      if (known?.s !== 'computing' || known.agent !== agent) return [];
      this.#onceWaiting.delete(name);
      return waiting.filter((each) => each.agent !== agent).flatMap((each) => this.onceGet(each.agent, each.id, name));
    });
    return [...freed, ...again];
  }
}
