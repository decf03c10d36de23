import { OnceResult, type RunId } from '@muster/protocol';
import type { FromAgent } from './messages.js';
import type { Answer, Questions } from './questions.js';
import type { Turn } from './turn.js';

export interface OnceCallPort {
  /** This agent is the one that makes the value: answer by {@link OnceCall.made} or {@link OnceCall.failed}. */
  make(turn: Turn): void;
  /** The value that the whole cluster has. */
  have(turn: Turn, value: unknown): void;
  /** There will be no value; the broker knows why. */
  without(turn: Turn, message: string): void;
}

/** A value that one agent of the cluster makes and all get. */
export class OnceCall {
  readonly #run: RunId;
  readonly #name: string;
  readonly #questions: Questions;
  readonly #port: OnceCallPort;
  #making = false;

  constructor(run: RunId, name: string, questions: Questions, port: OnceCallPort) {
    this.#run = run;
    this.#name = name;
    this.#questions = questions;
    this.#port = port;
  }

  /** The broker chose this agent without having been asked. */
  take(): void {
    this.#making = true;
  }

  /** This agent is at it. */
  get isMaking(): boolean {
    return this.#making;
  }

  begin(turn: Turn): void {
    this.#questions.ask(turn, { type: 'once.get', run: this.#run, name: this.#name }, (then, answer) => {
      const result = answer.ok ? OnceResult.safeParse(answer.result) : null;
      if (result?.success !== true) this.#port.without(then, messageOf(answer));
      else if (!result.data.compute) this.#port.have(then, result.data.value);
      else {
        this.#making = true;
        this.#port.make(then);
      }
    });
  }

  made(turn: Turn, value: unknown): void {
    this.#put(turn, { value }, (then, answer) => {
      // Whoever was first made it: the broker's word is what all have.
      const result = answer.ok ? OnceResult.safeParse(answer.result) : null;
      if (!answer.ok) this.#port.without(then, messageOf(answer));
      else if (result?.success === true && !result.data.compute) this.#port.have(then, result.data.value);
      else this.#port.have(then, value);
    });
  }

  failed(turn: Turn, error: NonNullable<FromAgent<'once.put'>['error']>): void {
    this.#put(turn, { error }, (then) => this.#port.without(then, error.message));
  }

  #put(
    turn: Turn,
    what: Pick<FromAgent<'once.put'>, 'value'> | Pick<FromAgent<'once.put'>, 'error'>,
    answered: (turn: Turn, answer: Answer) => void,
  ): void {
    if (!this.#making) return;
    this.#making = false;
    this.#questions.ask(turn, { type: 'once.put', run: this.#run, name: this.#name, ...what }, answered);
  }
}

const messageOf = (answer: Answer): string =>
  answer.ok ? 'the broker gave an answer that is none' : `${answer.code}: ${answer.message}`;
