import type { ErrorGroup } from '@muster/protocol';

/** Kinds of failure kept apart in one second; what is beyond is counted as one. */
const MAX_GROUPS = 500;
const MAX_MESSAGE_LENGTH = 1_000;

type Open = { -readonly [K in keyof ErrorGroup]: ErrorGroup[K] };

/** Failures of a second, grouped by code, message, the author's line and scenario. */
export class ErrorGroups {
  readonly #groups = new Map<string, Open>();

  get isEmpty(): boolean {
    return this.#groups.size === 0;
  }

  add(code: string, message: string, where: string | null, scenario: string | null, atMs: number): void {
    const end = message.indexOf('\n');
    const first = (end < 0 ? message : message.slice(0, end)).slice(0, MAX_MESSAGE_LENGTH);
    const key = `${code}\u0000${first}\u0000${where}\u0000${scenario}`;
    const known = this.#groups.get(key) ?? (this.#groups.size < MAX_GROUPS ? undefined : this.#others(atMs));
    if (known === undefined) {
      this.#groups.set(key, {
        code,
        message: first,
        where,
        scenario,
        count: 1,
        firstAtMs: atMs,
        lastAtMs: atMs,
      });
      return;
    }
    known.count += 1;
    known.lastAtMs = atMs;
  }

  #others(atMs: number): Open {
    let all = this.#groups.get('');
    if (all === undefined) {
      const message = `more than ${MAX_GROUPS} kinds of failure in one second`;
      all = {
        code: 'MORE_ERRORS',
        message,
        where: null,
        scenario: null,
        count: 0,
        firstAtMs: atMs,
        lastAtMs: atMs,
      };
      this.#groups.set('', all);
    }
    return all;
  }

  /** The groups since the last call; instants are moved by `shiftMs`. */
  take(shiftMs: number): ErrorGroup[] {
    const groups = [...this.#groups.values()];
    this.#groups.clear();
    for (const group of groups) {
      group.firstAtMs += shiftMs;
      group.lastAtMs += shiftMs;
    }
    return groups;
  }
}
