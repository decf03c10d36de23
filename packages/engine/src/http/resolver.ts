import { lookup } from 'node:dns/promises';

/** k6's default for its own cache of names. */
const TTL_MS = 5 * 60_000;
/** Names kept; beyond it the oldest goes. */
const MAX_NAMES = 10_000;

/** How a name becomes addresses: the system's way, or a test's. */
export type Lookup = (host: string) => Promise<readonly string[]>;

interface Entry {
  readonly addresses: readonly string[];
  readonly untilMs: number;
}

/** IPv4 first, as k6's `preferIPv4`; within a family in the system's order. */
const systemLookup: Lookup = async (host) => {
  const found = await lookup(host, { all: true, verbatim: true });
  return [...found].sort((a, b) => a.family - b.family).map((each) => each.address);
};

/**
 * Addresses of host names, kept for five minutes: thousands of users that dial at once ask the system once. Failures are
 * not kept.
 */
export class Resolver {
  readonly #lookup: Lookup;
  readonly #known = new Map<string, Entry>();
  readonly #asked = new Map<string, Promise<readonly string[]>>();

  constructor(by: Lookup = systemLookup) {
    this.#lookup = by;
  }

  /** The addresses if they are known, without waiting. */
  known(host: string): readonly string[] | null {
    const entry = this.#known.get(host);
    if (entry === undefined) return null;
    if (entry.untilMs > performance.now()) return entry.addresses;
    this.#known.delete(host);
    return null;
  }

  /** Asks the system, once for all who ask meanwhile. Rejects with its error. */
  resolve(host: string): Promise<readonly string[]> {
    let asked = this.#asked.get(host);
    if (asked === undefined) {
      asked = this.#ask(host);
      this.#asked.set(host, asked);
    }
    return asked;
  }

  async #ask(host: string): Promise<readonly string[]> {
    try {
      const addresses = await this.#lookup(host);
      if (addresses.length === 0) throw Object.assign(new Error(`${host} has no address`), { code: 'ENODATA' });
      const [oldest] = this.#known.keys();
      if (this.#known.size >= MAX_NAMES && oldest !== undefined) this.#known.delete(oldest);
      this.#known.set(host, { addresses, untilMs: performance.now() + TTL_MS });
      return addresses;
    } finally {
      this.#asked.delete(host);
    }
  }
}
