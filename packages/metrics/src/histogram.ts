import { ByteReader, ByteWriter } from './bytes.js';

/** Sub-buckets per power of two: a bucket is at most 1/128 of its values wide, its middle at most 0.4 % off. */
const SUB_BITS = 7;
const SUB = 1 << SUB_BITS;
/** Values below this have a bucket each. */
const EXACT = 2 * SUB;
/** From here on sums leave the numbers that a double holds exactly. */
const FOLD = 2 ** 52;
const MAX_SIGNED_64 = 2 ** 63;
const FORMAT = 1;
/** Buckets of one sign up to 2^63. */
const MAX_INDEX = EXACT + (63 - SUB_BITS) * SUB;

type Chunks = (Float64Array | undefined)[];

const indexOf = (size: number): number => {
  if (size < EXACT) return size;
  const exponent = size < 0x8000_0000 ? 31 - Math.clz32(size) : exponentOf(size);
  return EXACT + (exponent - SUB_BITS - 1) * SUB + Math.floor(size / 2 ** (exponent - SUB_BITS)) - SUB;
};

const exponentOf = (size: number): number => {
  const guess = Math.floor(Math.log2(size));
  return 2 ** guess > size ? guess - 1 : 2 ** (guess + 1) <= size ? guess + 1 : guess;
};

/** The middle of a bucket: what a percentile that falls into it is said to be. */
const middleOf = (index: number): number => {
  if (index < EXACT) return index;
  const exponent = Math.floor((index - EXACT) / SUB) + SUB_BITS + 1;
  const width = 2 ** (exponent - SUB_BITS);
  return (((index - EXACT) % SUB) + SUB) * width + Math.floor((width - 1) / 2);
};

/**
 * A log-linear histogram of signed integers: count, sum, least and greatest are exact, a percentile is within 0.4 % of
 * the sample of its rank. Merging only adds counts, so any order of merging gives the same bytes. Memory grows with the
 * powers of two that occur (1 KiB each), not with the number of values.
 */
export class Histogram {
  #positive: Chunks = [];
  #negative: Chunks = [];
  #count = 0;
  #sum = 0;
  #sumBig = 0n;
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
    return this.#sumBig + BigInt(this.#sum);
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
  /** Values that are no number; not recorded. */
  get rejected(): number {
    return this.#rejected;
  }
  /** The mean; 0 when empty. */
  get mean(): number {
    return this.#count === 0 ? 0 : Number(this.sum) / this.#count;
  }

  /** Records an integer between -2^63 and 2^63. The hot path: small sizes cost one index and one increment. */
  record(value: number): void {
    const size = value < 0 ? -value : value;
    const index = size < EXACT ? size : indexOf(size);
    const chunks = value < 0 ? this.#negative : this.#positive;
    let chunk = chunks[index >> SUB_BITS];
    if (chunk === undefined) {
      chunk = new Float64Array(SUB);
      chunks[index >> SUB_BITS] = chunk;
    }
    chunk[index & (SUB - 1)] = (chunk[index & (SUB - 1)] as number) + 1;
    this.#count += 1;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    if (size < FOLD) {
      this.#sum += value;
      if (this.#sum > FOLD || this.#sum < -FOLD) this.#fold();
    } else {
      this.#sumBig += BigInt(value);
    }
  }

  /** Records a value within [low, high]; outside it is clamped and counted, and what is no number is only counted. */
  recordWithin(value: number, low: number, high: number): void {
    if (Number.isNaN(value)) {
      this.#rejected += 1;
      return;
    }
    if (value < low || value > high) {
      this.#clamped += 1;
      this.record(value < low ? low : high);
      return;
    }
    this.record(value);
  }

  #fold(): void {
    this.#sumBig += BigInt(this.#sum);
    this.#sum = 0;
  }

  /** Adds all of another histogram to this one. */
  merge(other: Histogram): void {
    mergeChunks(this.#positive, other.#positive);
    mergeChunks(this.#negative, other.#negative);
    this.#count += other.#count;
    this.#sumBig += other.sum;
    if (other.#min < this.#min) this.#min = other.#min;
    if (other.#max > this.#max) this.#max = other.#max;
    this.#clamped += other.#clamped;
    this.#rejected += other.#rejected;
  }

  /** Empties it; the chunks are kept for the next window. */
  reset(): void {
    for (const chunk of this.#positive) chunk?.fill(0);
    for (const chunk of this.#negative) chunk?.fill(0);
    this.#count = 0;
    this.#sum = 0;
    this.#sumBig = 0n;
    this.#min = Number.POSITIVE_INFINITY;
    this.#max = Number.NEGATIVE_INFINITY;
    this.#clamped = 0;
    this.#rejected = 0;
  }

  /**
   * The value at a rank by the nearest-rank method: the smallest value with at least `p` percent of all values at or
   * below it. (k6 interpolates linearly between the two neighbours, so with few values the two differ.) 0 when empty.
   */
  percentile(p: number): number {
    if (this.#count === 0) return 0;
    const rank = Math.min(this.#count, Math.max(1, Math.ceil((p * this.#count) / 100 - 1e-9)));
    if (rank === 1) return this.#min;
    if (rank === this.#count) return this.#max;
    let seen = 0;
    for (const [value, count] of this.#ascending()) {
      seen += count;
      if (seen >= rank) return Math.min(this.#max, Math.max(this.#min, value));
    }
    return this.#max;
  }

  *#ascending(): Generator<readonly [value: number, count: number]> {
    for (const [index, count] of [...entries(this.#negative)].reverse()) yield [-middleOf(index), count];
    for (const [index, count] of entries(this.#positive)) yield [middleOf(index), count];
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

  /** Reads what {@link encode} wrote. @throws RangeError when the bytes are anything else. */
  static decode(bytes: Uint8Array): Histogram {
    const from = new ByteReader(bytes);
    const made = new Histogram();
    if (from.byte() !== FORMAT) throw new RangeError('not a histogram of this format');
    made.#count = from.natural();
    made.#clamped = from.natural();
    made.#rejected = from.natural();
    if (made.#count > 0) {
      made.#sumBig = from.signed();
      made.#min = Number(from.signed());
      made.#max = Number(from.signed());
      const total = readBuckets(from, made.#positive) + readBuckets(from, made.#negative);
      if (total !== made.#count) throw new RangeError('the counts of a histogram do not add up');
      if (made.#min > made.#max) throw new RangeError('the least value of a histogram is above its greatest');
    }
    from.end();
    return made;
  }
}

/** The range of a custom trend's fixed-point values; the last double below 2^63. */
export const MAX_FIXED = MAX_SIGNED_64 - 1_024;

function* entries(chunks: Chunks): Generator<readonly [index: number, count: number]> {
  for (const [at, chunk] of chunks.entries()) {
    if (chunk === undefined) continue;
    for (let offset = 0; offset < SUB; offset += 1) {
      const count = chunk[offset] as number;
      if (count !== 0) yield [at * SUB + offset, count];
    }
  }
}

const mergeChunks = (into: Chunks, from: Chunks): void => {
  for (const [at, chunk] of from.entries()) {
    if (chunk === undefined) continue;
    const mine = into[at];
    if (mine === undefined) into[at] = chunk.slice();
    else
      for (let offset = 0; offset < SUB; offset += 1)
        mine[offset] = (mine[offset] as number) + (chunk[offset] as number);
  }
};

/** A bucket is one number, twice the gap to the one before, plus one if a count above 1 follows. */
const writeBuckets = (out: ByteWriter, chunks: Chunks): void => {
  const used = [...entries(chunks)];
  out.natural(used.length);
  let before = -1;
  for (const [index, count] of used) {
    out.natural((index - before - 1) * 2 + (count > 1 ? 1 : 0));
    if (count > 1) out.natural(count);
    before = index;
  }
};

const readBuckets = (from: ByteReader, chunks: Chunks): number => {
  const used = from.natural();
  let index = -1;
  let total = 0;
  for (let n = 0; n < used; n += 1) {
    const token = from.natural();
    index += Math.floor(token / 2) + 1;
    if (index >= MAX_INDEX + SUB) throw new RangeError('a bucket of a histogram is out of range');
    const count = token % 2 === 1 ? from.natural() : 1;
    let chunk = chunks[index >> SUB_BITS];
    if (chunk === undefined) {
      chunk = new Float64Array(SUB);
      chunks[index >> SUB_BITS] = chunk;
    }
    chunk[index & (SUB - 1)] = count;
    total += count;
  }
  return total;
};
