import { BUCKET_COUNT, Buckets, bucketOf, middleOf } from './buckets.js';
import { ByteReader, ByteWriter } from './bytes.js';

/** From here on a running sum is put away as a bigint, before it leaves the numbers that a double holds exactly. */
const FOLD = 2 ** 52;
const FORMAT = 1;
/** Six decimals of a percentile. */
const PERCENT_SCALE = 1_000_000;

/** The largest size of a value: the last double below 2^63. */
export const MAX_FIXED = 2 ** 63 - 1_024;

/**
 * A log-linear histogram of signed integers: count, sum, least and greatest are exact, a percentile is within 0.4 % of
 * the sample of its rank. Merging only adds counts, so any order of merging gives the same bytes. Memory follows the
 * spread of the values (0.5 KiB per power of two), not their number; it never exceeds 60 KiB.
 */
export class Histogram {
  readonly #positive = new Buckets();
  /** Made with the first negative value: times have none. */
  #negative: Buckets | undefined;
  #count = 0;
  /** The sum is `#sum + #folded`. */
  #sum = 0;
  #folded = 0n;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #clamped = 0;
  #rejected = 0;

  /** Values recorded, clamped ones among them. */
  get count(): number {
    return this.#count;
  }
  /** The exact sum. */
  get sum(): bigint {
    return this.#folded + BigInt(this.#sum);
  }
  /** The least value; 0 when empty. */
  get min(): number {
    return this.#count === 0 ? 0 : this.#min;
  }
  /** The greatest value; 0 when empty. */
  get max(): number {
    return this.#count === 0 ? 0 : this.#max;
  }
  /** Values that were out of range and recorded as the end of the range. */
  get clamped(): number {
    return this.#clamped;
  }
  /** Values that are no finite number; not recorded. */
  get rejected(): number {
    return this.#rejected;
  }
  /** The mean; 0 when empty. */
  get mean(): number {
    return this.#count === 0 ? 0 : Number(this.sum) / this.#count;
  }

  /**
   * Records an integer. The hot path takes those from 0 to 2^32: one shift, one index, one increment. What is negative
   * or larger takes a longer way; a fraction is rounded, what lies beyond {@link MAX_FIXED} clamped and counted, what is
   * not finite only counted.
   */
  record(value: number): void {
    const size = value >>> 0;
    if (size !== value) {
      this.recordWithin(value, -MAX_FIXED, MAX_FIXED);
      return;
    }
    this.#positive.incrementFor(size);
    this.#count += 1;
    if (size < this.#min) this.#min = size;
    if (size > this.#max) this.#max = size;
    this.#sum += size;
    if (this.#sum >= FOLD) this.#fold();
  }

  /** Records an integer from 0 to 2^32, exclusive, so many times. */
  recordTimes(size: number, count: number): void {
    if (count <= 0) return;
    this.#positive.add(bucketOf(size), count);
    this.#count += count;
    if (size < this.#min) this.#min = size;
    if (size > this.#max) this.#max = size;
    this.#sum += size * count;
    if (this.#sum >= FOLD) this.#fold();
  }

  /**
   * Records a value within [low, high], which lie within ±{@link MAX_FIXED}. Outside it is clamped and counted, and what
   * is not finite is only counted.
   */
  recordWithin(value: number, low: number, high: number): void {
    if (!Number.isFinite(value)) {
      this.#rejected += 1;
      return;
    }
    // Adding 0 turns the -0 that rounding gives into 0.
    const whole = Math.round(value) + 0;
    if (whole < low || whole > high) this.#clamped += 1;
    this.#take(Math.min(high, Math.max(low, whole)));
  }

  #take(value: number): void {
    if (value < 0) {
      this.#negative ??= new Buckets();
      this.#negative.increment(bucketOf(-value));
    } else this.#positive.increment(bucketOf(value));
    this.#count += 1;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    if (Math.abs(value) < FOLD) {
      this.#sum += value;
      if (Math.abs(this.#sum) >= FOLD) this.#fold();
    } else this.#folded += BigInt(value);
  }

  #fold(): void {
    this.#folded += BigInt(this.#sum);
    this.#sum = 0;
  }

  /** Adds all of another histogram to this one. */
  merge(other: Histogram): void {
    this.#positive.merge(other.#positive);
    if (other.#negative !== undefined) {
      this.#negative ??= new Buckets();
      this.#negative.merge(other.#negative);
    }
    this.#count += other.#count;
    this.#folded += other.#folded;
    this.#sum += other.#sum;
    if (Math.abs(this.#sum) >= FOLD) this.#fold();
    if (other.#min < this.#min) this.#min = other.#min;
    if (other.#max > this.#max) this.#max = other.#max;
    this.#clamped += other.#clamped;
    this.#rejected += other.#rejected;
  }

  /** Empties it; the memory is kept for the next window. */
  reset(): void {
    this.#positive.clear();
    this.#negative?.clear();
    this.#count = 0;
    this.#sum = 0;
    this.#folded = 0n;
    this.#min = Number.POSITIVE_INFINITY;
    this.#max = Number.NEGATIVE_INFINITY;
    this.#clamped = 0;
    this.#rejected = 0;
  }

  /**
   * The value at a rank by the nearest-rank method: the smallest value with at least `p` percent of all values at or
   * below it, `p` from 0 (the least) to 100 (the greatest). 0 when empty. k6 interpolates linearly between the two
   * neighbours of `p/100 · (count − 1)`, so with few values the two differ; this one always names a value that occurred,
   * give or take the width of its bucket.
   */
  percentile(p: number): number {
    if (this.#count === 0) return 0;
    const rank = nearestRank(p, this.#count);
    if (rank <= 1) return this.#min;
    if (rank >= this.#count) return this.#max;
    return Math.min(this.#max, Math.max(this.#min, this.#valueAt(rank)));
  }

  #valueAt(rank: number): number {
    let before = rank - 1;
    if (this.#negative !== undefined) {
      const below = this.#negative.pairs();
      for (let at = below.length - 2; at >= 0; at -= 2) {
        const count = below[at + 1] as number;
        if (before < count) return -middleOf(below[at] as number);
        before -= count;
      }
    }
    return middleOf(this.#positive.bucketAfter(before));
  }

  /** The sparse binary form: gaps between buckets in use and their counts, as variable-length integers. */
  encode(): Uint8Array {
    const out = new ByteWriter();
    out.byte(FORMAT);
    out.natural(this.#count);
    out.natural(this.#clamped);
    out.natural(this.#rejected);
    if (this.#count > 0) {
      out.signed(this.sum);
      out.signed(BigInt(this.#min));
      out.signed(BigInt(this.#max));
      writeBuckets(out, this.#positive);
      writeBuckets(out, this.#negative);
    }
    return out.bytes();
  }

  /**
   * Reads what {@link encode} wrote. Whatever the bytes say, it takes no more memory than a histogram may have.
   * @throws RangeError when the bytes are anything that no histogram encodes to.
   */
  static decode(bytes: Uint8Array): Histogram {
    const from = new ByteReader(bytes);
    const made = new Histogram();
    if (from.byte() !== FORMAT) throw new RangeError('not a histogram of this format');
    made.#count = from.natural();
    made.#clamped = from.natural();
    made.#rejected = from.natural();
    if (made.#clamped > made.#count) throw new RangeError('a histogram has more clamped values than values');
    if (made.#count > 0) made.#readValues(from);
    from.end();
    return made;
  }

  #readValues(from: ByteReader): void {
    const sum = from.signed();
    const least = from.signed();
    const greatest = from.signed();
    this.#min = Number(least);
    this.#max = Number(greatest);
    const above = readBuckets(from, this.#positive);
    const negative = new Buckets();
    const below = readBuckets(from, negative);
    if (below.first === 0) throw new RangeError('a histogram has a negative zero');
    if (below.total > 0) this.#negative = negative;
    if (above.total + below.total !== this.#count) throw new RangeError('the counts of a histogram do not add up');
    const lowest = below.total > 0 ? -below.last : above.first;
    const highest = above.total > 0 ? above.last : -below.first;
    const endsMatch = signedBucketOf(this.#min) === lowest && signedBucketOf(this.#max) === highest;
    if (!endsMatch || this.#min > this.#max || BigInt(this.#min) !== least || BigInt(this.#max) !== greatest)
      throw new RangeError('the ends of a histogram are not those of its buckets');
    const count = BigInt(this.#count);
    if (sum < least * count || sum > greatest * count)
      throw new RangeError('the sum of a histogram is none of values between its ends');
    if (sum > -BigInt(FOLD) && sum < BigInt(FOLD)) this.#sum = Number(sum);
    else this.#folded = sum;
  }
}

/**
 * The rank of a percentile among `count` values, from 1. `p` counts to six decimals, and the rank is that of exact
 * fractions: 99.9 % of 1,000 are 999, though 99.9 is no double.
 */
export const nearestRank = (p: number, count: number): number => {
  const millionths = BigInt(Math.round(Math.min(100, Math.max(0, p)) * PERCENT_SCALE));
  const whole = 100n * BigInt(PERCENT_SCALE);
  return Math.max(1, Number((millionths * BigInt(count) + whole - 1n) / whole));
};

/** Negative values have the mirrored index. What is beyond the range has none. */
const signedBucketOf = (value: number): number => {
  const size = Math.abs(value);
  if (size > MAX_FIXED) return Number.NaN;
  return value < 0 ? -bucketOf(size) : bucketOf(size);
};

/** A bucket is one number, twice the gap to the one before, plus one if a count above 1 follows. */
const writeBuckets = (out: ByteWriter, buckets: Buckets | undefined): void => {
  const pairs = buckets?.pairs() ?? [];
  out.natural(pairs.length / 2);
  let before = -1;
  for (let at = 0; at < pairs.length; at += 2) {
    const index = pairs[at] as number;
    const count = pairs[at + 1] as number;
    out.natural((index - before - 1) * 2 + (count > 1 ? 1 : 0));
    if (count > 1) out.natural(count - 2);
    before = index;
  }
};

interface ReadBuckets {
  /** The sum of the counts. */
  readonly total: number;
  readonly first: number;
  readonly last: number;
}

const readBuckets = (from: ByteReader, into: Buckets): ReadBuckets => {
  const used = from.natural();
  // There are no more pairs than buckets, for each pair moves on by one at least.
  const pairs: number[] = [];
  let last = -1;
  let total = 0;
  for (let n = 0; n < used; n += 1) {
    const token = from.natural();
    last += Math.floor(token / 2) + 1;
    if (last >= BUCKET_COUNT) throw new RangeError('a bucket of a histogram is out of range');
    const count = token % 2 === 1 ? from.natural() + 2 : 1;
    total += count;
    if (total > Number.MAX_SAFE_INTEGER) throw new RangeError('the counts of a histogram are too large');
    pairs.push(last, count);
  }
  const first = pairs[0] ?? -1;
  if (used > 0) into.reach(first, last);
  for (let at = 0; at < pairs.length; at += 2) into.add(pairs[at] as number, pairs[at + 1] as number);
  return { total, first, last };
};
