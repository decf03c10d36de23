import type { ErrorGroup, Summary } from '@muster/protocol';

type SummedError = Summary['errors'][number];

/** Kinds of errors that a run tells apart. */
const MAX_KINDS = 1_000;
/** Agents that are named for one kind. */
const MAX_AGENTS = 100;

interface OpenError {
  readonly code: string;
  readonly message: string;
  readonly where: string | null;
  count: number;
  firstAtMs: number;
  lastAtMs: number;
  readonly agents: Set<string>;
}

/** The errors of a run, grouped by code, message and the author's line over all agents. Beyond a bound they are put together. */
export class ErrorLedger {
  readonly #kinds = new Map<string, OpenError>();

  add(agent: string, group: ErrorGroup): void {
    const kind = this.#kindOf(group);
    kind.count += group.count;
    kind.firstAtMs = Math.min(kind.firstAtMs, group.firstAtMs);
    kind.lastAtMs = Math.max(kind.lastAtMs, group.lastAtMs);
    if (kind.agents.size < MAX_AGENTS) kind.agents.add(agent);
  }

  /** The most frequent first. */
  list(): readonly SummedError[] {
    return [...this.#kinds.values()]
      .sort((a, b) => b.count - a.count || a.firstAtMs - b.firstAtMs || (a.message < b.message ? -1 : 1))
      .map((kind) => ({ ...kind, agents: [...kind.agents].sort() }));
  }

  #kindOf(group: ErrorGroup): OpenError {
    const full = this.#kinds.size >= MAX_KINDS;
    const { code, message, where } = group;
    const found = this.#kinds.get(keyOf(code, message, where));
    if (found !== undefined) return found;
    const [as, said, at] = full
      ? (['OTHER', `errors of further kinds, beyond the ${MAX_KINDS} that are told apart`, null] as const)
      : ([code, message, where] as const);
    const key = keyOf(as, said, at);
    let made = this.#kinds.get(key);
    if (made === undefined) {
      const { firstAtMs, lastAtMs } = group;
      made = { code: as, message: said, where: at, count: 0, firstAtMs, lastAtMs, agents: new Set() };
      this.#kinds.set(key, made);
    }
    return made;
  }
}

const keyOf = (code: string, message: string, where: string | null): string =>
  `${code}\u0000${where ?? ''}\u0000${message}`;
