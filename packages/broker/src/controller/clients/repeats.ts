import type { ClientMessage } from '@muster/protocol';

/** How a question was answered. */
export type Outcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string };

export const done = (result: unknown = {}): Outcome => ({ ok: true, result });
export const refuse = (code: string, message: string): Outcome => ({ ok: false, code, message });

/** An answer as it is kept over a restart. */
export interface KeptAnswer {
  readonly result: unknown;
  /** The wall's time, the only one that a restart leaves as it is. */
  readonly wallMs: number;
}

interface Remembered {
  readonly atWallMs: number;
  readonly outcome: Outcome;
}

const MOST = 10_000;
/** Ids of this length are drawn at random by whoever asks, and are unique among all. */
const UNIQUE_LENGTH = 12;

/**
 * Answers to questions that change something: asked again under the same id they are answered again, and nothing is done
 * twice. A client that has reconnected comes by another route; so an id that is long enough to be drawn at random is
 * known by itself, a short one only from the same route.
 */
export class Repeats {
  readonly #keptMs: number;
  readonly #answers = new Map<string, Remembered>();

  constructor(keptMs: number) {
    this.#keptMs = keptMs;
  }

  keyOf(client: string, { id }: ClientMessage): string {
    return id.length >= UNIQUE_LENGTH ? id : `${client} ${id}`;
  }

  of(key: string): Outcome | undefined {
    return this.#answers.get(key)?.outcome;
  }

  keep(key: string, outcome: Outcome, wallMs: number): void {
    this.#answers.set(key, { atWallMs: wallMs, outcome });
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= MOST) break;
      this.#answers.delete(oldest);
    }
  }

  /** Takes up what an earlier controller saved. */
  restore(key: string, { result, wallMs }: KeptAnswer): void {
    this.#answers.set(key, { atWallMs: wallMs, outcome: done(result) });
  }

  /** Forgets what is too old. @returns the keys of that. */
  sweep(wallMs: number): readonly string[] {
    const gone: string[] = [];
    for (const [key, { atWallMs }] of this.#answers) {
      if (Math.abs(wallMs - atWallMs) <= this.#keptMs) continue;
      this.#answers.delete(key);
      gone.push(key);
    }
    return gone;
  }
}
