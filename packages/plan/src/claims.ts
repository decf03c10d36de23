/** `at-least-once`: what a lost holder did not confirm is given out again. `at-most-once`: it is burned. */
export type ClaimMode = 'at-most-once' | 'at-least-once';
/** A half-open range: first index and count. */
export type Range = readonly [from: number, count: number];

/** What has been given out of something countable, to whom; plain data, changed only by the functions below. */
export interface ClaimBook {
  readonly mode: ClaimMode;
  /** Null: without end. */
  readonly total: number | null;
  /** First index that nobody was ever given. */
  readonly next: number;
  /** Ranges to give out again. */
  readonly returned: readonly Range[];
  readonly holders: Readonly<Record<string, { readonly ranges: readonly Range[]; readonly confirmed: number }>>;
  /** Indices given out a second time. */
  readonly reissued: number;
  readonly burned: readonly Range[];
}

export const openBook = (mode: ClaimMode, total: number | null): ClaimBook => ({
  mode,
  total,
  next: 0,
  returned: [],
  holders: {},
  reissued: 0,
  burned: [],
});

const sizeOf = (ranges: readonly Range[]): number => ranges.reduce((sum, [, count]) => sum + count, 0);
const NOBODY = { ranges: [], confirmed: 0 } as const;

/** How many indices a holder was given and has not confirmed. */
export const outstandingOf = (book: ClaimBook, holder: string): number => {
  const { ranges, confirmed } = book.holders[holder] ?? NOBODY;
  return Math.max(0, sizeOf(ranges) - confirmed);
};

/** What a claim gives: the next range of at most `count`; `exhausted` when nothing can come any more, for anybody. */
export interface ClaimGiven {
  readonly book: ClaimBook;
  readonly from: number;
  readonly count: number;
  readonly exhausted: boolean;
}

/** Gives the next range to a holder, who has confirmed so many of all it was given before. */
export const claim = (book: ClaimBook, holder: string, count: number, confirmed: number): ClaimGiven => {
  const noted = noteConfirmed(book, holder, confirmed);
  const [again] = noted.returned;
  const left = noted.total === null ? count : noted.total - noted.next;
  const range: Range =
    again === undefined ? [noted.next, Math.min(count, left)] : [again[0], Math.min(count, again[1])];
  if (range[1] <= 0) {
    const open = Object.keys(noted.holders).some((each) => outstandingOf(noted, each) > 0);
    return { book: noted, from: noted.next, count: 0, exhausted: noted.mode === 'at-most-once' || !open };
  }
  const held = noted.holders[holder] ?? NOBODY;
  return {
    book: {
      ...noted,
      next: again === undefined ? noted.next + range[1] : noted.next,
      returned:
        again === undefined
          ? noted.returned
          : [
              ...(again[1] > range[1] ? [[again[0] + range[1], again[1] - range[1]] as const] : []),
              ...noted.returned.slice(1),
            ],
      holders: { ...noted.holders, [holder]: { ...held, ranges: append(held.ranges, range) } },
    },
    from: range[0],
    count: range[1],
    exhausted: false,
  };
};

/** Joins a range to the last one when they touch, so that a book stays small. */
const append = (ranges: readonly Range[], range: Range): readonly Range[] => {
  const last = ranges.at(-1);
  if (last === undefined || last[0] + last[1] !== range[0]) return [...ranges, range];
  return [...ranges.slice(0, -1), [last[0], last[1] + range[1]]];
};

const noteConfirmed = (book: ClaimBook, holder: string, confirmed: number): ClaimBook => {
  const held = book.holders[holder];
  if (held === undefined || confirmed <= held.confirmed) return book;
  return {
    ...book,
    holders: { ...book.holders, [holder]: { ...held, confirmed: Math.min(confirmed, sizeOf(held.ranges)) } },
  };
};

/** Takes back what a lost holder had not confirmed: to be given out again, or burned, by the book's mode. */
export const loseHolder = (book: ClaimBook, holder: string): ClaimBook => {
  const held = book.holders[holder];
  if (held === undefined) return book;
  const open = dropFirst(held.ranges, held.confirmed);
  const { [holder]: _, ...holders } = book.holders;
  if (book.mode === 'at-most-once') return { ...book, holders, burned: [...book.burned, ...open] };
  return { ...book, holders, returned: [...book.returned, ...open], reissued: book.reissued + sizeOf(open) };
};

const dropFirst = (ranges: readonly Range[], count: number): readonly Range[] => {
  let left = count;
  return ranges.flatMap(([from, size]): Range[] => {
    const skip = Math.min(left, size);
    left -= skip;
    return size > skip ? [[from + skip, size - skip]] : [];
  });
};
