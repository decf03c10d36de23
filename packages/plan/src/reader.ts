import { MAX_DURATION_MS, MAX_VUS } from './bounds.js';
import { parseDuration } from './duration.js';
import { type Faults, show, suggestion } from './fault.js';

/** Plain object or not. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);

/** Reads the fields of one object, notes every fault with its path, and at the end every field that nobody knows. */
export class Reader {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #known = new Set<string>();
  readonly faults: Faults;

  constructor(fields: Readonly<Record<string, unknown>>, path: string, faults: Faults) {
    this.#fields = fields;
    this.#path = path;
    this.faults = faults;
  }

  at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
  has(name: string): boolean {
    return this.#fields[name] !== undefined && this.#fields[name] !== null;
  }
  raw(name: string): unknown {
    this.#known.add(name);
    return this.#fields[name] ?? undefined;
  }
  fault(name: string, message: string): void {
    this.faults.add(this.at(name), message);
  }

  #read<T>(name: string, fallback: T, accept: (value: unknown) => T | null, must: string): T {
    const value = this.raw(name);
    if (value === undefined) return fallback;
    const accepted = accept(value);
    if (accepted !== null) return accepted;
    this.fault(name, `must be ${must}, not ${show(value)}`);
    return fallback;
  }

  /** A required field: a missing one is a fault. */
  need(name: string): void {
    if (!this.has(name)) this.fault(name, 'is missing');
    this.#known.add(name);
  }

  whole(name: string, fallback: number, least = 0, most = Number.MAX_SAFE_INTEGER): number {
    const accept = (value: unknown) =>
      Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most ? (value as number) : null;
    const upTo = most === Number.MAX_SAFE_INTEGER ? '' : ` and at most ${most}`;
    return this.#read(name, fallback, accept, `a whole number of at least ${least}${upTo}`);
  }
  /** A number of users. */
  users(name: string, fallback: number, least = 0): number {
    return this.whole(name, fallback, least, MAX_VUS);
  }
  rate(name: string, fallback: number): number {
    return this.#read(
      name,
      fallback,
      (value) => (typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null),
      'a number of at least 0',
    );
  }
  durationMs(name: string, fallbackMs: number): number {
    const accept = (value: unknown) => {
      const ms = parseDuration(value);
      return ms !== null && ms <= MAX_DURATION_MS ? ms : null;
    };
    return this.#read(name, fallbackMs, accept, 'a duration like "30s" or milliseconds, of at most 365d');
  }
  text(name: string, fallback: string): string {
    return this.#read(name, fallback, (value) => (typeof value === 'string' && value !== '' ? value : null), 'a text');
  }
  flag(name: string, fallback: boolean): boolean {
    return this.#read(name, fallback, (value) => (typeof value === 'boolean' ? value : null), 'true or false');
  }
  oneOf<T extends string>(name: string, fallback: T, choices: readonly T[]): T {
    return this.#read(
      name,
      fallback,
      (value) => choices.find((each) => each === value) ?? null,
      `one of ${choices.join(', ')}`,
    );
  }
  /** Names to texts; numbers and booleans become text. */
  texts(name: string): Readonly<Record<string, string>> {
    return this.#read<Readonly<Record<string, string>>>(
      name,
      {},
      (value) =>
        isRecord(value) && Object.values(value).every((each) => ['string', 'number', 'boolean'].includes(typeof each))
          ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, String(each)]))
          : null,
      'an object of texts',
    );
  }

  /** A duration that can not be empty. */
  lastingMs(name: string, fallbackMs: number): number {
    const ms = this.durationMs(name, fallbackMs);
    if (ms <= 0) this.fault(name, 'must be longer than 0');
    return ms;
  }

  /** After all fields were read: whatever is left has no meaning, which is never what the author wants. */
  end(alsoKnown: readonly string[] = []): void {
    const known = [...this.#known, ...alsoKnown];
    const names = new Set(known);
    for (const name of Object.keys(this.#fields)) {
      if (!names.has(name)) this.fault(name, `is not an option${suggestion(name, known)}`);
    }
  }
}
