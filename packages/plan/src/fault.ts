import { MAX_FAULTS } from './bounds.js';

/** Something wrong in the options: where, what, and what to do. */
export interface Fault {
  /** `scenarios.buy.rate`; empty for the options as a whole. */
  readonly path: string;
  readonly message: string;
}

/** Collects every fault of a value, so that the author sees all at once. */
export class Faults {
  readonly #told: Fault[] = [];
  #untold = 0;

  add(path: string, message: string): void {
    if (this.#told.length < MAX_FAULTS) this.#told.push({ path, message });
    else this.#untold += 1;
  }

  /** All of them; of a great many the first, and last of all how many more there are. */
  get list(): readonly Fault[] {
    if (this.#untold === 0) return this.#told;
    return [...this.#told, { path: '', message: `and ${this.#untold} more faults` }];
  }
}

/** A value as a fault names it; of any value at all, and short. */
export const show = (value: unknown): string => {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'bigint':
      return 'a BigInt';
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? 'a list' : 'an object';
    default:
      return `a ${typeof value}`;
  }
};

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next.push(
        Math.min(
          (row[j] as number) + 1,
          (next[j - 1] as number) + 1,
          (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1),
        ),
      );
    }
    row = next;
  }
  return row[b.length] as number;
};

/** Longer names are no slips of the keyboard, and comparing them would cost. */
const LONGEST_NAME = 64;

/** The known name nearest to a misspelt one, as the end of a sentence; empty when none is near. */
export const suggestion = (name: string, known: readonly string[]): string => {
  if (name.length > LONGEST_NAME) return '';
  const scored = known
    .map((each) => ({ each, far: distance(name.toLowerCase(), each.toLowerCase()) }))
    .sort((a, b) => a.far - b.far);
  const [best] = scored;
  return best !== undefined && best.far <= Math.max(2, Math.floor(name.length / 3))
    ? `; did you mean "${best.each}"?`
    : '';
};
