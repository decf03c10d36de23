import type { ErrorGroup } from '@muster/protocol';

/** Kinds of failure kept apart in one second; what is beyond is counted as one. */
const MAX_GROUPS = 500;

/** Failures of a second, grouped by code, message, the author's line and scenario. */
export class ErrorGroups {
  readonly #groups = new Map<string, { -readonly [K in keyof ErrorGroup]: ErrorGroup[K] }>();

  add(code: string, message: string, where: string | null, scenario: string | null, atMs: number): void {
    const first = message.split('\n', 1)[0]?.slice(0, 1_000) ?? '';
    const key = `${code}\u0000${first}\u0000${where}\u0000${scenario}`;
    const known = this.#groups.get(key) ?? (this.#groups.size < MAX_GROUPS ? undefined : this.#overflow(atMs));
    if (known === undefined) {
      this.#groups.set(key, { code, message: first, where, scenario, count: 1, firstAtMs: atMs, lastAtMs: atMs });
    } else {
      known.count += 1;
      known.lastAtMs = atMs;
    }
  }

  #overflow(atMs: number) {
    let all = this.#groups.get('');
    if (all === undefined) {
      all = {
        code: 'MORE_ERRORS',
        message: `more than ${MAX_GROUPS} kinds of failure in one second`,
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

  take(): ErrorGroup[] {
    const groups = [...this.#groups.values()];
    this.#groups.clear();
    return groups;
  }
}
