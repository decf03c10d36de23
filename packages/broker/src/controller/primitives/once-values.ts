import type { OnceRecord } from '../run-record.js';
import { type AgentAnswer, type Asker, answer, refusal } from './answers.js';

/** Where the values of a run are kept, and who still takes part. */
export interface OncePort {
  get(name: string): OnceRecord | undefined;
  set(name: string, record: OnceRecord): void;
  /** Values that the run has. */
  readonly size: number;
  takesPart(agent: string): boolean;
}

/** Why a value could not be made. */
export interface OnceError {
  readonly code: string;
  readonly message: string;
}

/** Names that a run may use: a script that makes up new ones without end is stopped there. */
export const MAX_NAMES = 1_000;

/**
 * Values that are made one time for the whole run: the first who asks makes it, all others get it. What was made is kept
 * before anybody gets it; who waits is not, for whoever waits asks again.
 */
export class OnceValues {
  readonly #port: OncePort;
  readonly #waiting = new Map<string, Asker[]>();

  constructor(port: OncePort) {
    this.#port = port;
  }

  get(asker: Asker, name: string): readonly AgentAnswer[] {
    const { agent, id } = asker;
    const known = this.#port.get(name);
    if (known === undefined && this.#port.size >= MAX_NAMES)
      return [refusal(agent, id, 'NOT_SUPPORTED', `a run has at most ${MAX_NAMES} values that are made once`)];
    if (known === undefined || (known.s === 'computing' && !this.#port.takesPart(known.agent))) {
      this.#port.set(name, { s: 'computing', agent, id });
      return [answer(agent, id, { compute: true })];
    }
    if (known.s === 'made') return [answer(agent, id, { compute: false, value: known.value })];
    if (known.s === 'failed') return [refusal(agent, id, known.code, known.message)];
    // The same question again: its answer may have been lost.
    if (known.agent === agent && known.id === id) return [answer(agent, id, { compute: true })];
    const waiting = this.#waiting.get(name) ?? [];
    if (!waiting.some((each) => each.agent === agent && each.id === id)) this.#waiting.set(name, [...waiting, asker]);
    return [];
  }

  /** The value, or why there is none. Only who was told to make it may say; anybody else gets what was made. */
  put(asker: Asker, name: string, value: unknown, error: OnceError | undefined): readonly AgentAnswer[] {
    const known = this.#port.get(name);
    if (known !== undefined && (known.s !== 'computing' || known.agent !== asker.agent)) return this.get(asker, name);
    this.#port.set(
      name,
      error === undefined ? { s: 'made', value } : { s: 'failed', code: error.code, message: error.message },
    );
    return [answer(asker.agent, asker.id, {}), ...this.#askAgain(name)];
  }

  /** An agent takes no further part: what it was making is made by who waits for it. */
  lose(agent: string): readonly AgentAnswer[] {
    for (const [name, waiting] of this.#waiting) {
      const left = waiting.filter((each) => each.agent !== agent);
      if (left.length > 0) this.#waiting.set(name, left);
      else this.#waiting.delete(name);
    }
    return [...this.#waiting.keys()].flatMap((name) => {
      const known = this.#port.get(name);
      return known?.s === 'computing' && known.agent === agent ? this.#askAgain(name) : [];
    });
  }

  #askAgain(name: string): readonly AgentAnswer[] {
    const waiting = this.#waiting.get(name) ?? [];
    this.#waiting.delete(name);
    return waiting.flatMap((each) => this.get(each, name));
  }
}
