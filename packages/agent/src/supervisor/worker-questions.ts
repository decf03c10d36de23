import type { WorkerNews } from '@muster/engine';
import { ClaimResult, type RunId } from '@muster/protocol';
import { ClaimsGiven } from './claims-given.js';
import type { Answer, Questions } from './questions.js';
import type { Turn } from './turn.js';
import type { WorkerSet } from './worker-set.js';

type WorkerQuestion = Extract<WorkerNews, { readonly id: number }>;
interface Asker {
  readonly worker: number;
  readonly id: number;
}

/** Names that the author's code gives stand apart from the system's own (`setup`, `load-done`, …). */
const authorName = (name: string): string => `script:${name}`.slice(0, 256);

/** Hands on what workers ask the cluster: claims, values made once, barriers, at which the workers arrive as one. */
export class WorkerQuestions {
  readonly #run: RunId;
  readonly #questions: Questions;
  readonly #workers: WorkerSet;
  readonly #claims = new Map<string, ClaimsGiven>();
  readonly #barriers = new Map<string, Asker[]>();

  constructor(run: RunId, questions: Questions, workers: WorkerSet) {
    this.#run = run;
    this.#questions = questions;
    this.#workers = workers;
  }

  ask(turn: Turn, worker: number, question: WorkerQuestion): void {
    const asker = { worker, id: question.id };
    const run = this.#run;
    switch (question.type) {
      case 'claim':
        this.#claim(turn, asker, question);
        return;
      case 'once.get':
        this.#questions.ask(turn, { type: 'once.get', run, name: authorName(question.name) }, (then, answer) =>
          this.#answer(then, asker, answer),
        );
        return;
      case 'once.put': {
        const { value, error } = question;
        this.#questions.ask(
          turn,
          {
            type: 'once.put',
            run,
            name: authorName(question.name),
            ...(error === undefined ? { value } : { error: { code: error.code, message: error.message } }),
          },
          (then, answer) => this.#answer(then, asker, answer),
        );
        return;
      }
      case 'barrier':
        this.#arrive(turn, asker, question.name);
    }
  }

  /** A worker is gone: those that wait at a barrier may be all that are left. */
  lost(turn: Turn): void {
    for (const name of [...this.#barriers.keys()]) this.#go(turn, name);
  }

  #claim(turn: Turn, asker: Asker, question: Extract<WorkerQuestion, { readonly type: 'claim' }>): void {
    const { name, mode, count } = question;
    const given = this.#claims.get(name) ?? new ClaimsGiven();
    this.#claims.set(name, given);
    given.confirm(asker.worker, question.confirmed);
    this.#questions.ask(
      turn,
      { type: 'claim', run: this.#run, name, mode, count, confirmed: given.confirmed },
      (then, answer) => {
        const result = answer.ok ? ClaimResult.safeParse(answer.result) : null;
        if (result?.success === true) given.give(asker.worker, result.data.count);
        this.#answer(then, asker, answer);
      },
    );
  }

  #arrive(turn: Turn, asker: Asker, name: string): void {
    this.#barriers.set(name, [...(this.#barriers.get(name) ?? []), asker]);
    this.#go(turn, name);
  }

  /** Goes to the broker's barrier when every living worker is at this one. */
  #go(turn: Turn, name: string): void {
    const arrived = (this.#barriers.get(name) ?? []).filter((asker) => this.#workers.isAlive(asker.worker));
    if (arrived.length === 0 || new Set(arrived.map((asker) => asker.worker)).size < this.#workers.alive) return;
    this.#barriers.delete(name);
    this.#questions.ask(turn, { type: 'barrier.arrive', run: this.#run, name: authorName(name) }, (then, answer) => {
      for (const asker of arrived) this.#answer(then, asker, answer);
    });
  }

  #answer(turn: Turn, { worker, id }: Asker, answer: Answer): void {
    this.#workers.order(turn, worker, {
      type: 'reply',
      id,
      ...(answer.ok ? { result: answer.result } : { error: { code: answer.code, message: answer.message } }),
    });
  }
}
