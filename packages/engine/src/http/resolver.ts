import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { ResolvedDns } from '@muster/plan';

/** Names kept; beyond it the oldest goes. */
const MAX_NAMES = 10_000;

/** How a name becomes addresses: the system's way, or a test's. */
export type Lookup = (host: string) => Promise<readonly string[]>;

interface Entry {
  /** Those that are used, and those that are tried when none of them takes the connection. */
  readonly first: readonly string[];
  readonly rest: readonly string[];
  readonly untilMs: number;
  /** Where the next turn begins. */
  turn: number;
}

const systemLookup: Lookup = async (host) => {
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map((each) => each.address);
};

/** k6's defaults. */
const DEFAULTS: ResolvedDns = { ttlMs: 5 * 60_000, select: 'random', policy: 'preferIPv4' };
/** Taken before a test has its own sequence in its place: choosing an address must not draw from that. */
const random = Math.random;

/**
 * Addresses of host names, kept for a while: thousands of users that dial at once ask the system once, and are spread
 * over all addresses. Failures are not kept.
 */
export class Resolver {
  readonly #lookup: Lookup;
  readonly #dns: ResolvedDns;
  readonly #known = new Map<string, Entry>();
  readonly #asked = new Map<string, Promise<Entry>>();

  constructor(dns: ResolvedDns = DEFAULTS, by: Lookup = systemLookup) {
    this.#dns = dns;
    this.#lookup = by;
  }

  /** The addresses if they are known, without waiting, in the order in which they are to be tried. */
  known(host: string): readonly string[] | null {
    const entry = this.#known.get(host);
    if (entry === undefined) return null;
    if (entry.untilMs > performance.now()) return this.#ordered(entry);
    this.#known.delete(host);
    return null;
  }

  /** Asks the system, once for all who ask meanwhile. Rejects with its error. */
  async resolve(host: string): Promise<readonly string[]> {
    let asked = this.#asked.get(host);
    if (asked === undefined) {
      asked = this.#ask(host);
      this.#asked.set(host, asked);
    }
    return this.#ordered(await asked);
  }

  async #ask(host: string): Promise<Entry> {
    try {
      const addresses = await this.#lookup(host);
      const { ttlMs } = this.#dns;
      const untilMs = ttlMs === null ? Number.POSITIVE_INFINITY : performance.now() + ttlMs;
      const entry: Entry = { ...byPolicy(addresses, this.#dns.policy), untilMs, turn: 0 };
      if (entry.first.length === 0)
        throw Object.assign(new Error(`${host} has no address of the family asked for`), { code: 'ENODATA' });
      const [oldest] = this.#known.keys();
      if (this.#known.size >= MAX_NAMES && oldest !== undefined) this.#known.delete(oldest);
      if (ttlMs !== 0) this.#known.set(host, entry);
      return entry;
    } finally {
      this.#asked.delete(host);
    }
  }

  #ordered(entry: Entry): readonly string[] {
    const { first, rest } = entry;
    const { select } = this.#dns;
    if (first.length === 1 || select === 'first') return rest.length === 0 ? first : [...first, ...rest];
    const from = select === 'random' ? Math.floor(random() * first.length) : entry.turn % first.length;
    entry.turn += 1;
    return [...first.slice(from), ...first.slice(0, from), ...rest];
  }
}

/** Within a family in the system's order. */
const byPolicy = (
  addresses: readonly string[],
  policy: ResolvedDns['policy'],
): { readonly first: readonly string[]; readonly rest: readonly string[] } => {
  const four = addresses.filter((each) => isIP(each) === 4);
  const six = addresses.filter((each) => isIP(each) !== 4);
  switch (policy) {
    case 'any':
      return { first: addresses, rest: [] };
    case 'onlyIPv4':
      return { first: four, rest: [] };
    case 'onlyIPv6':
      return { first: six, rest: [] };
    case 'preferIPv6':
      return six.length > 0 ? { first: six, rest: four } : { first: four, rest: [] };
    case 'preferIPv4':
      return four.length > 0 ? { first: four, rest: six } : { first: six, rest: [] };
  }
};
