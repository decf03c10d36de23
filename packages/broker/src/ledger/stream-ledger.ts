import { BOUNDS } from '@muster/protocol';

/** What the results path must do with a batch that came. */
export type LedgerDecision =
  /** It is the next one: store it, and after it those that were held. */
  | { readonly do: 'commit' }
  /** It is stored already: acknowledge again. */
  | { readonly do: 'ack'; readonly upTo: number }
  /** It is on its way into the store: nothing to do. */
  | { readonly do: 'wait' }
  /** It is ahead of a gap: hold it; ask for what is missing when `resendFrom` is given. */
  | { readonly do: 'hold'; readonly resendFrom: number | null }
  /** It is too far ahead: drop it and ask for what is missing. */
  | { readonly do: 'drop'; readonly resendFrom: number };

/** Asks for the same gap again only after so many further batches. */
const ASK_EVERY = 16;

/** The numbers of one stream: what was taken, what is on disk, what is missing. Pure bookkeeping. */
export class StreamLedger {
  #taken: number;
  #stored: number;
  #last: number | null;
  readonly #held = new Set<number>();
  #sinceAsked = ASK_EVERY;

  /** @param stored highest number on disk (-1: none), and whether that was the stream's last */
  constructor(stored = -1, closed = false) {
    this.#taken = stored;
    this.#stored = stored;
    this.#last = closed ? stored : null;
  }

  get stored(): number {
    return this.#stored;
  }
  /** The last batch is on disk, and so is everything before it. */
  get closed(): boolean {
    return this.#last !== null && this.#stored >= this.#last;
  }

  /** Its first batch was taken. */
  get begun(): boolean {
    return this.#taken >= 0;
  }
  /** Its last batch was taken. */
  get ended(): boolean {
    return this.#last !== null;
  }

  take(number: number, last: boolean): LedgerDecision {
    if (number <= this.#stored) return { do: 'ack', upTo: this.#stored };
    if (number <= this.#taken) return { do: 'wait' };
    if (number === this.#taken + 1) {
      this.#taken = number;
      this.#held.delete(number);
      if (last) this.#last = number;
      this.#sinceAsked = ASK_EVERY;
      return { do: 'commit' };
    }
    this.#sinceAsked += 1;
    const ask = this.#sinceAsked >= ASK_EVERY;
    if (ask) this.#sinceAsked = 0;
    if (this.#held.size >= BOUNDS.heldBatches && !this.#held.has(number)) {
      this.#sinceAsked = 0;
      return { do: 'drop', resendFrom: this.#taken + 1 };
    }
    this.#held.add(number);
    return { do: 'hold', resendFrom: ask ? this.#taken + 1 : null };
  }

  /** The next number is one that is held: take it up now. */
  get next(): number | null {
    return this.#held.has(this.#taken + 1) ? this.#taken + 1 : null;
  }

  /** A batch is on disk. The answer is what may be acknowledged. */
  committed(number: number): number {
    this.#stored = Math.max(this.#stored, number);
    return this.#stored;
  }
}
