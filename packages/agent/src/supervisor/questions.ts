import type { AgentMessage } from '@muster/protocol';
import type { FromBroker } from './messages.js';
import { NEVER, type Turn } from './turn.js';

/** A message that the broker answers by a `reply` of the same id. */
export type Question = Extract<AgentMessage, { readonly id: string }>;
type WithoutId<Q> = Q extends { readonly id: string } ? Omit<Q, 'id'> : never;
export type UnnumberedQuestion = WithoutId<Question>;

/** What came back. */
export type Answer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string };

interface Open {
  question: Question;
  readonly answered: (turn: Turn, answer: Answer) => void;
  askAgainMs: number;
}

/**
 * Questions to the broker, each asked until it is answered: again on every new connection and after a while, always
 * under the same id, so the broker may answer a repeat as it answered the first.
 */
export class Questions {
  readonly #prefix: string;
  readonly #againMs: number;
  readonly #isUp: () => boolean;
  readonly #open = new Map<string, Open>();
  #last = 0;

  /** @param prefix makes ids unique among all that ask: one of the agent's boot */
  constructor(prefix: string, againMs: number, isUp: () => boolean) {
    this.#prefix = prefix;
    this.#againMs = againMs;
    this.#isUp = isUp;
  }

  /** @returns the id, for {@link Questions.withdraw}. */
  ask(turn: Turn, question: UnnumberedQuestion, answered: Open['answered']): string {
    this.#last += 1;
    const id = `${this.#prefix}-${this.#last}`;
    const open: Open = { question: { ...question, id } as Question, answered, askAgainMs: NEVER };
    this.#open.set(id, open);
    this.#send(turn, open);
    return id;
  }

  /** A question can't be carried as it is: asks this one under the same id. */
  replace(turn: Turn, question: Question): void {
    const open = this.#open.get(question.id);
    if (open === undefined) return;
    open.question = question;
    this.#send(turn, open);
  }

  withdraw(id: string): void {
    this.#open.delete(id);
  }
  /** Forgets all questions of a run. */
  withdrawRun(run: string): void {
    for (const [id, { question }] of this.#open)
      if (!('run' in question) || question.run === run) this.#open.delete(id);
  }

  /** An answer to a question that is not open any more is none. */
  reply(turn: Turn, reply: FromBroker<'reply'>): void {
    const open = this.#open.get(reply.id);
    if (open === undefined) return;
    this.#open.delete(reply.id);
    open.answered(
      turn,
      reply.error === undefined
        ? { ok: true, result: reply.result }
        : { ok: false, code: reply.error.code, message: reply.error.message },
    );
  }

  /** Asks all again: the connection is a new one. */
  again(turn: Turn): void {
    for (const open of this.#open.values()) this.#send(turn, open);
  }

  get nextMs(): number {
    let next = NEVER;
    for (const open of this.#open.values()) next = Math.min(next, open.askAgainMs);
    return next;
  }
  due(turn: Turn): void {
    for (const open of this.#open.values()) if (turn.nowMs >= open.askAgainMs) this.#send(turn, open);
  }

  #send(turn: Turn, open: Open): void {
    // While the link is down nothing leaves; the next welcome asks all again.
    if (!this.#isUp()) {
      open.askAgainMs = NEVER;
      return;
    }
    open.askAgainMs = turn.nowMs + this.#againMs;
    turn.do({ type: 'send', message: open.question });
  }
}
