/** A client waits for what an agent answers. */
export interface DirectQuestion {
  readonly agent: string;
  readonly client: string;
  readonly command: 'RUN' | 'STOP' | 'QUIT';
  /** Of the native message; null for an agent of the original. */
  readonly id: string | null;
  readonly untilMs: number;
  /** When an agent that is to quit is looked at next. */
  lookMs: number;
}

/** Questions at one time; beyond it the oldest is given up. */
const MAX = 1_000;

/** Questions of clients to agents by name, until they are answered or given up. */
export class DirectQuestions {
  #open: DirectQuestion[] = [];

  /** @returns those that are given up for it. */
  add(question: DirectQuestion): readonly DirectQuestion[] {
    this.#open.push(question);
    return this.#open.length > MAX ? this.#open.splice(0, this.#open.length - MAX) : [];
  }

  /** The oldest that fits, which is answered by it. */
  take(fits: (question: DirectQuestion) => boolean): DirectQuestion | null {
    const at = this.#open.findIndex(fits);
    return at === -1 ? null : (this.#open.splice(at, 1)[0] ?? null);
  }

  takeAll(fits: (question: DirectQuestion) => boolean): readonly DirectQuestion[] {
    const taken = this.#open.filter(fits);
    this.#open = this.#open.filter((question) => !fits(question));
    return taken;
  }

  /** Agents that somebody wants to quit. */
  quitting(): readonly DirectQuestion[] {
    return this.#open.filter(({ command }) => command === 'QUIT');
  }
}
