/** A client that asked nothing for so long is taken for gone: a ROUTER does not tell. */
const GONE_MS = 60_000;

/** Bounds how many clients there are at one time. */
export class ClientBound {
  readonly #most: number;
  readonly #now: () => number;
  readonly #heard = new Map<string, number>();

  constructor(most: number, now: () => number) {
    this.#most = most;
    this.#now = now;
  }

  /** Whether this client may ask. Those that are there go before those that come. */
  admits(client: string): boolean {
    const now = this.#now();
    if (!this.#heard.has(client) && this.#heard.size >= this.#most) {
      for (const [other, heardMs] of this.#heard) if (now - heardMs > GONE_MS) this.#heard.delete(other);
      if (this.#heard.size >= this.#most) return false;
    }
    this.#heard.set(client, now);
    return true;
  }
}
