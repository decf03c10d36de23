import { Histogram } from './histogram.js';
import type { MetricInfo, TrendUnit } from './metric-info.js';
import { type SecondsBudget, SummedGauge } from './summed-gauge.js';

/** The longest time that a built-in trend holds: one hour, in microseconds. */
export const MAX_TIME_US = 3_600_000_000;
/** Millionths: custom trends keep six decimals. */
export const FIXED_SCALE = 1_000_000;

/** A sum (k6's Counter). Whole numbers are exact up to 2^53; fractions add up as doubles do. */
export class Counter {
  readonly type = 'counter';
  sum = 0;
  touched = false;
  /** Values that were not finite; left out. */
  rejected = 0;

  add(value: number): void {
    if (!Number.isFinite(value)) {
      this.rejected += 1;
      return;
    }
    this.sum += value;
    this.touched = true;
  }
  reset(): void {
    this.sum = 0;
    this.rejected = 0;
    this.touched = false;
  }
}

/**
 * The latest value, with the least and the greatest (k6's Gauge). `atMs`, in milliseconds of the run, orders the values
 * of different sources; of two at the same instant the greater counts, so any order of merging gives the same.
 */
export class Gauge {
  readonly type = 'gauge';
  value = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  atMs = Number.NEGATIVE_INFINITY;
  touched = false;
  /** Values that were not finite; left out. */
  rejected = 0;

  add(value: number, atMs: number): void {
    if (!Number.isFinite(value) || !Number.isFinite(atMs)) {
      this.rejected += 1;
      return;
    }
    this.touched = true;
    if (atMs > this.atMs || (atMs === this.atMs && value > this.value)) {
      this.value = value;
      this.atMs = atMs;
    }
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
  }
  merge(other: Gauge): void {
    if (!other.touched) return;
    this.add(other.value, other.atMs);
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
  }
  reset(): void {
    this.value = 0;
    this.min = Number.POSITIVE_INFINITY;
    this.max = Number.NEGATIVE_INFINITY;
    this.atMs = Number.NEGATIVE_INFINITY;
    this.rejected = 0;
    this.touched = false;
  }
}

/** The share of values that were true (k6's Rate). */
export class Rate {
  readonly type = 'rate';
  passes = 0;
  total = 0;
  touched = false;
  /** A truth value is never rejected. */
  readonly rejected = 0;

  add(passed: boolean): void {
    this.total += 1;
    if (passed) this.passes += 1;
    this.touched = true;
  }
  /** The same truth value so many times. */
  addTimes(passed: boolean, count: number): void {
    if (count <= 0) return;
    this.total += count;
    if (passed) this.passes += count;
    this.touched = true;
  }
  reset(): void {
    this.passes = 0;
    this.total = 0;
    this.touched = false;
  }
}

/**
 * The distribution of values (k6's Trend). Record through it: what goes to `histogram` directly leaves it untouched, so
 * its window misses it.
 */
export class Trend {
  readonly type = 'trend';
  readonly unit: TrendUnit;
  readonly histogram = new Histogram();
  touched = false;

  constructor(unit: TrendUnit) {
    this.unit = unit;
  }
  get rejected(): number {
    return this.histogram.rejected;
  }
  /** Microseconds of a built-in time; above one hour they are clamped and counted, as is less than nothing. */
  addUs(us: number): void {
    this.touched = true;
    if (us >= 0 && us <= MAX_TIME_US) this.histogram.record(us);
    else this.histogram.recordWithin(us, 0, MAX_TIME_US);
  }
  /** No time at all, so many times. */
  addZeros(count: number): void {
    if (count <= 0) return;
    this.touched = true;
    this.histogram.recordTimes(0, count);
  }
  /** A value of a custom trend, six decimals kept; clamped and counted beyond ±9.2 · 10^12. */
  add(value: number): void {
    this.touched = true;
    this.histogram.record(Math.round(value * FIXED_SCALE));
  }
  /** What one integer of the histogram is in the values that people see (milliseconds for times). */
  get scale(): number {
    return this.unit === 'us' ? 1 / 1_000 : 1 / FIXED_SCALE;
  }
  reset(): void {
    this.histogram.reset();
    this.touched = false;
  }
}

export type Sink = Counter | Gauge | SummedGauge | Rate | Trend;

/** A sink for a metric. `budget` bounds the seconds that summed gauges keep; none by default. */
export const makeSink = (info: MetricInfo, budget?: SecondsBudget): Sink => {
  switch (info.type) {
    case 'counter':
      return new Counter();
    case 'gauge':
      return info.summed ? new SummedGauge(budget) : new Gauge();
    case 'rate':
      return new Rate();
    case 'trend':
      return new Trend(info.unit);
  }
};

/**
 * Adds one sink to another of the same type; one in which nothing was recorded leaves no trace.
 * @returns false, having done nothing, when the two do not fit together.
 */
export const mergeSink = (into: Sink, from: Sink): boolean => {
  if (into.type === 'counter' && from.type === 'counter') {
    if (from.touched) into.add(from.sum);
  } else if (into.type === 'rate' && from.type === 'rate') {
    into.passes += from.passes;
    into.total += from.total;
    into.touched ||= from.touched;
  } else if (into.type === 'trend' && from.type === 'trend' && into.unit === from.unit) {
    into.histogram.merge(from.histogram);
    into.touched ||= from.touched;
  } else if (into instanceof Gauge && from instanceof Gauge) into.merge(from);
  else if (into instanceof SummedGauge && from instanceof SummedGauge) into.merge(from);
  else return false;
  return true;
};
