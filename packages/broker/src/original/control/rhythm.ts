/** A `REGISTER` and then so many times `BEAT`, as the original. */
const BEATS = 4;

/** Something that is due every so often, first one period after the first look. */
export class Rhythm {
  readonly #everyMs: number;
  #nextMs: number | null = null;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** Whether it is due. A look that comes late makes up for nothing. */
  isDue(nowMs: number): boolean {
    this.#nextMs ??= nowMs + this.#everyMs;
    if (nowMs < this.#nextMs) return false;
    const next = this.#nextMs + this.#everyMs;
    this.#nextMs = next > nowMs ? next : nowMs + this.#everyMs;
    return true;
  }
}

/** What the heartbeat says next. */
export class Heartbeat {
  #said = 0;

  next(): 'BEAT' | 'REGISTER' {
    const text = this.#said % (BEATS + 1) === 0 ? 'REGISTER' : 'BEAT';
    this.#said += 1;
    return text;
  }
}
