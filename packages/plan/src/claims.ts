/** `at-least-once`: what a lost holder did not confirm is given out again. `at-most-once`: it is burned. */
export type ClaimMode = 'at-most-once' | 'at-least-once';
/** A half-open range: first index and count. */
export type Range = readonly [from: number, count: number];

/** What somebody was given. */
interface Holding {
  /** Given and not confirmed, in the order of giving. */
  readonly ranges: readonly Range[];
  /** How many were confirmed in all. They are not in `ranges` any more, so a book does not grow with what is done. */
  readonly confirmed: number;
}

/**
 * What has been given out of something countable, to whom; plain data, changed only by the functions below.
 *
 * A holder confirms a number, not indices: users end their iterations in any order, so what a lost one has left open is
 * known in number, and named as the latest that it was given.
 */
export interface ClaimBook {
  readonly mode: ClaimMode;
  /** Null: without end. */
  readonly total: number | null;
  /** First index that nobody was ever given. */
  readonly next: number;
  /** Ranges to give out again. */
  readonly returned: readonly Range[];
  readonly holders: Readonly<Record<string, Holding>>;
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
const NOTHING: Holding = { ranges: [], confirmed: 0 };
const holdingOf = (book: ClaimBook, holder: string): Holding =>
  (Object.hasOwn(book.holders, holder) ? book.holders[holder] : undefined) ?? NOTHING;
const withHolding = (book: ClaimBook, holder: string, holding: Holding): ClaimBook => ({
  ...book,
  holders: { ...book.holders, [holder]: holding },
});

/** How many indices a holder was given and has not confirmed. */
export const outstandingOf = (book: ClaimBook, holder: string): number => sizeOf(holdingOf(book, holder).ranges);

/**
 * What a claim gives: the next range of at most `count`. `exhausted` when nothing can come any more, for anybody; of a
 * book that is given out at most once, when there is nothing now (only a {@link giveBack} could still bring some).
 */
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
  const held = holdingOf(noted, holder);
  const rest: readonly Range[] = again === undefined ? [] : dropFirst([again], range[1]);
  const given = {
    ...noted,
    next: again === undefined ? noted.next + range[1] : noted.next,
    returned: [...rest, ...noted.returned.slice(1)],
  };
  return {
    book: withHolding(given, holder, { ...held, ranges: append(held.ranges, range) }),
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
  const held = holdingOf(book, holder);
  const more = Math.min(confirmed - held.confirmed, sizeOf(held.ranges));
  if (!(more > 0)) return book;
  return withHolding(book, holder, {
    ranges: dropFirst(held.ranges, more),
    confirmed: held.confirmed + more,
  });
};

/**
 * Takes a remainder back from a living holder, who will not use it: it is given out again, in either mode. Only what the
 * holder has been given and not confirmed can come back; for anything else the book stays as it is.
 */
export const giveBack = (book: ClaimBook, holder: string, [from, count]: Range): ClaimBook => {
  const held = holdingOf(book, holder);
  const index = held.ranges.findIndex(([first, size]) => from >= first && from + count <= first + size);
  const range = held.ranges[index];
  if (range === undefined || !(count > 0)) return book;
  const [first, size] = range;
  const around: readonly Range[] = [
    [first, from - first],
    [from + count, first + size - from - count],
  ];
  const ranges = held.ranges.toSpliced(index, 1, ...around.filter(([, left]) => left > 0));
  return { ...withHolding(book, holder, { ...held, ranges }), returned: [...book.returned, [from, count]] };
};

/** Takes back what a lost holder had not confirmed: to be given out again, or burned, by the book's mode. */
export const loseHolder = (book: ClaimBook, holder: string): ClaimBook => {
  if (!Object.hasOwn(book.holders, holder)) return book;
  const { ranges: open } = holdingOf(book, holder);
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
