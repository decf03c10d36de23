/** Sub-buckets per power of two: a bucket is at most 1/128 of its values wide, its middle at most 0.4 % off. */
const SUB_BITS = 7;
const SUB = 1 << SUB_BITS;
/** Sizes below this have a bucket each. */
const EXACT = 2 * SUB;
/** Counts grow by whole blocks of so many buckets. */
const BLOCK = 64;
const WORD = 2 ** 32;
/** Powers of two by exponent: looking one up is many times as fast as raising. */
const POWERS: readonly number[] = Array.from({ length: 64 }, (_, exponent) => 2 ** exponent);

/** The first index that no size below 2^63 has. */
export const BUCKET_COUNT = (63 - SUB_BITS + 1) * SUB;

/**
 * The bucket of a size: an integer from 0 to 2^63, exclusive. The lowest 7 bits below the leading one choose within a
 * power of two, so indices follow each other without a gap.
 */
export const bucketOf = (size: number): number => {
  if (size < EXACT) return size;
  const high = Math.floor(size / WORD);
  const shift = (high === 0 ? 31 - Math.clz32(size) : 63 - Math.clz32(high)) - SUB_BITS;
  return shift * SUB + Math.floor(size / (POWERS[shift] as number));
};

/** The middle of a bucket: what a percentile that falls into it is said to be. */
export const middleOf = (index: number): number => {
  if (index < EXACT) return index;
  const shift = Math.floor(index / SUB) - 1;
  const width = POWERS[shift] as number;
  return ((index % SUB) + SUB) * width + Math.floor((width - 1) / 2);
};

type Counts = Uint32Array | Float64Array;

const NONE: Counts = new Uint32Array(0);

/**
 * How many values fell into each bucket. One array holds the stretch of buckets that occur, in blocks of 64: a
 * histogram of like values takes a few hundred bytes, the widest 30 KiB. Counts are 32 bits wide until one needs more.
 */
export class Buckets {
  #base = 0;
  #counts: Counts = NONE;

  /** The hot path: one more value of a size from 0 to 2^32, exclusive. */
  incrementFor(size: number): void {
    const shift = size < EXACT ? 0 : 31 - SUB_BITS - Math.clz32(size);
    this.increment(shift * SUB + (size >>> shift));
  }

  increment(index: number): void {
    const counts = this.#counts;
    const at = index - this.#base;
    if (at < 0 || at >= counts.length) {
      this.add(index, 1);
      return;
    }
    const count = (counts[at] as number) + 1;
    counts[at] = count;
    if (count === WORD) this.#widen()[at] = count;
  }

  add(index: number, count: number): void {
    let counts = this.reach(index, index);
    const at = index - this.#base;
    const sum = (counts[at] as number) + count;
    if (sum >= WORD) counts = this.#widen();
    counts[at] = sum;
  }

  merge(other: Buckets): void {
    const theirs = other.#counts;
    if (theirs.length === 0) return;
    let mine = this.reach(other.#base, other.#base + theirs.length - 1);
    const offset = other.#base - this.#base;
    for (let at = 0; at < theirs.length; at += 1) {
      const sum = (mine[at + offset] as number) + (theirs[at] as number);
      if (sum >= WORD) mine = this.#widen();
      mine[at + offset] = sum;
    }
  }

  /** All counts to 0; the memory is kept for the next window. */
  clear(): void {
    this.#counts.fill(0);
  }

  /** The buckets in use, the lowest first: index, count, index, count … in one flat list, for speed. */
  pairs(): number[] {
    const counts = this.#counts;
    const pairs: number[] = [];
    for (let at = 0; at < counts.length; at += 1) {
      const count = counts[at] as number;
      if (count !== 0) pairs.push(this.#base + at, count);
    }
    return pairs;
  }

  /** The bucket of the value that has `before` values in lower buckets of this; -1 when there are not so many. */
  bucketAfter(before: number): number {
    let seen = 0;
    for (let at = 0; at < this.#counts.length; at += 1) {
      seen += this.#counts[at] as number;
      if (seen > before) return this.#base + at;
    }
    return -1;
  }

  /** Makes room for the buckets from `low` to `high` at once. */
  reach(low: number, high: number): Counts {
    const { length } = this.#counts;
    const base = this.#base;
    if (length > 0 && low >= base && high < base + length) return this.#counts;
    const from = Math.floor((length === 0 ? low : Math.min(low, base)) / BLOCK) * BLOCK;
    const to = (Math.floor((length === 0 ? high : Math.max(high, base + length - 1)) / BLOCK) + 1) * BLOCK;
    const grown = this.#counts instanceof Uint32Array ? new Uint32Array(to - from) : new Float64Array(to - from);
    grown.set(this.#counts, length === 0 ? 0 : base - from);
    this.#base = from;
    this.#counts = grown;
    return grown;
  }

  /** 4,294,967,296 values of one bucket are a matter of hours at a high rate: from there on counts are doubles. */
  #widen(): Counts {
    if (this.#counts instanceof Uint32Array) this.#counts = Float64Array.from(this.#counts);
    return this.#counts;
  }
}
