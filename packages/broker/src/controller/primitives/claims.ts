import { type ClaimBook, type ClaimMode, claim, loseHolder, openBook, type Range } from '@muster/plan';
import { type AgentAnswer, type Asker, answer, refusal } from './answers.js';
import { MAX_NAMES } from './once-values.js';

/** Where the books of a run are kept. */
export interface ClaimPort {
  books(): Readonly<Record<string, ClaimBook>>;
  set(name: string, book: ClaimBook): void;
  /** How many there are of it; null: without end. */
  totalOf(name: string): number | null;
}

export interface ClaimQuestion {
  readonly name: string;
  readonly mode: ClaimMode;
  readonly count: number;
  readonly confirmed: number;
}

/** Indices that nobody will use, because nobody knows what became of them. */
export interface Burned {
  readonly name: string;
  readonly ranges: readonly Range[];
}

/** Gives out parts of things that can be counted; what was given is kept before it is answered. */
export class Claims {
  readonly #port: ClaimPort;

  constructor(port: ClaimPort) {
    this.#port = port;
  }

  claim({ agent, id }: Asker, { name, mode, count, confirmed }: ClaimQuestion): AgentAnswer {
    const books = this.#port.books();
    const known = Object.hasOwn(books, name) ? books[name] : undefined;
    if (known === undefined && Object.keys(books).length >= MAX_NAMES)
      return refusal(agent, id, 'NOT_SUPPORTED', `a run has at most ${MAX_NAMES} things to claim`);
    if (known !== undefined && known.mode !== mode)
      return refusal(agent, id, 'BAD_MESSAGE', `"${name}" is claimed ${known.mode}, not ${mode}`);
    const given = claim(known ?? openBook(mode, this.#port.totalOf(name)), agent, count, confirmed);
    this.#port.set(name, given.book);
    return answer(agent, id, { from: given.from, count: given.count, exhausted: given.exhausted });
  }

  /**
   * An agent takes no further part. What it had not confirmed is given out again where that is allowed. Else it is
   * burned, when the agent is `lost`; who ended in order has told its end, and leaves nothing open.
   */
  lose(agent: string, how: 'lost' | 'finished'): readonly Burned[] {
    return Object.entries(this.#port.books()).flatMap(([name, book]) => {
      if (book.mode === 'at-most-once' && how === 'finished') return [];
      const after = loseHolder(book, agent);
      if (after === book) return [];
      this.#port.set(name, after);
      const ranges = after.burned.slice(book.burned.length);
      return ranges.length === 0 ? [] : [{ name, ranges }];
    });
  }
}
