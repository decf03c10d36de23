import type { AgentMessage } from '@muster/protocol';
import { type RunRecord, unfinished } from '../run-record.js';
import { type AgentAnswer, AnswerMemory } from './answers.js';
import { Barriers } from './barriers.js';
import { type Burned, Claims } from './claims.js';
import { OnceValues } from './once-values.js';

/** Questions by which the agents of a run agree on something. */
export type PrimitiveQuestion = Extract<AgentMessage, { type: 'claim' | 'once.get' | 'once.put' | 'barrier.arrive' }>;

/** The run whose agents agree. */
export interface PrimitivesPort {
  readonly record: RunRecord;
  set(change: Partial<RunRecord>): void;
}

/** Once, barrier and claim of one run. Whatever is given out stands in the record, which is saved before the answer leaves. */
export class Primitives {
  readonly #memory = new AnswerMemory();
  readonly #once: OnceValues;
  readonly #barriers: Barriers;
  readonly #claims: Claims;

  constructor(run: PrimitivesPort) {
    this.#once = new OnceValues({
      get: (name) => (Object.hasOwn(run.record.once, name) ? run.record.once[name] : undefined),
      set: (name, record) => run.set({ once: { ...run.record.once, [name]: record } }),
      get size() {
        return Object.keys(run.record.once).length;
      },
      takesPart: (agent) => unfinished(run.record).some((member) => member.id === agent),
    });
    this.#barriers = new Barriers({
      expected: () => unfinished(run.record).map((member) => member.id),
      lost: () => run.record.members.filter((member) => member.lost).length,
    });
    this.#claims = new Claims({
      books: () => run.record.claims,
      set: (name, book) => run.set({ claims: { ...run.record.claims, [name]: book } }),
      totalOf: (name) => {
        const scenario = run.record.options?.scenarios.find((each) => `iterations:${each.name}` === name);
        return scenario?.executor === 'shared-iterations' ? scenario.iterations : null;
      },
    });
  }

  /** The answers that a question brings about: to who asked, if it can be answered yet, and to others who waited. */
  ask(agent: string, question: PrimitiveQuestion): readonly AgentAnswer[] {
    const asker = { agent, id: question.id };
    const before = this.#memory.of(asker);
    if (before !== undefined) return [before];
    switch (question.type) {
      case 'claim':
        return [this.#memory.keep(this.#claims.claim(asker, question))];
      case 'once.get':
        return this.#once.get(asker, question.name);
      case 'once.put':
        return this.#once.put(asker, question.name, question.value, question.error);
      case 'barrier.arrive':
        return this.#barriers.arrive(agent, asker.id, question.name).map((each) => this.#memory.keep(each));
    }
  }

  /** An agent takes no further part. */
  lose(
    agent: string,
    how: 'lost' | 'finished',
  ): { readonly answers: readonly AgentAnswer[]; readonly burned: readonly Burned[] } {
    const burned = this.#claims.lose(agent, how);
    const barriers = this.#barriers.lose(agent).map((each) => this.#memory.keep(each));
    return { answers: [...barriers, ...this.#once.lose(agent)], burned };
  }
}
