import type { ExpectedStatuses, StatusRange } from '@muster/script';

/** Statuses that were named by the author. */
export class NamedStatuses implements ExpectedStatuses {
  readonly #ranges: readonly { readonly min: number; readonly max: number }[];

  /** @throws TypeError for what is neither a status nor a range */
  constructor(statuses: readonly StatusRange[]) {
    this.#ranges = statuses.map((each) => {
      const range = typeof each === 'number' ? { min: each, max: each } : each;
      if (!Number.isInteger(range?.min) || !Number.isInteger(range.max))
        throw new TypeError(`expectedStatuses takes statuses and {min, max}, not ${JSON.stringify(each)}`);
      return range;
    });
  }

  accepts(status: number): boolean {
    return this.#ranges.some(({ min, max }) => status >= min && status <= max);
  }
}

/** k6's default. */
export const DEFAULT_EXPECTED: ExpectedStatuses = { accepts: (status) => status >= 200 && status <= 399 };
/** Where nothing is judged nothing fails. */
export const ANY_EXPECTED: ExpectedStatuses = { accepts: () => true };
