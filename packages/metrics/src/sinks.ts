import { Histogram } from './histogram.js';

export type MetricType = 'counter' | 'gauge' | 'rate' | 'trend';
/** What a metric's values are: plain numbers, milliseconds, or bytes. */
export type Contains = 'default' | 'time' | 'data';
/** `us`: integer microseconds, shown as milliseconds. `fixed`: millionths of the value as given. */
export type TrendUnit = 'us' | 'fixed';

/** The longest time that a built-in trend holds: one hour, in microseconds. */
export const MAX_TIME_US = 3_600_000_000;
/** Millionths: custom trends keep six decimals. */
export const FIXED_SCALE = 1_000_000;

/** A sum that only grows (k6's Counter). */
export class Counter {
  readonly type = 'counter';
  sum = 0;
  touched = false;

  add(value: number): void {
    this.sum += value;
    this.touched = true;
  }
  reset(): void {
    this.sum = 0;
    this.touched = false;
  }
}

/** The latest value, with the least and the greatest (k6's Gauge). `atMs` orders values of different sources. */
export class Gauge {
  readonly type = 'gauge';
  value = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  atMs = Number.NEGATIVE_INFINITY;
  touched = false;

  add(value: number, atMs: number): void {
    this.touched = true;
    if (atMs > this.atMs || (atMs === this.atMs && value > this.value)) {
      this.value = value;
      this.atMs = atMs;
    }
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
  }
  reset(): void {
    this.value = 0;
    this.min = Number.POSITIVE_INFINITY;
    this.max = Number.NEGATIVE_INFINITY;
    this.atMs = Number.NEGATIVE_INFINITY;
    this.touched = false;
  }
}

/** The share of values that were true (k6's Rate). */
export class Rate {
  readonly type = 'rate';
  passes = 0;
  total = 0;
  touched = false;

  add(passed: boolean): void {
    this.total += 1;
    if (passed) this.passes += 1;
    this.touched = true;
  }
  reset(): void {
    this.passes = 0;
    this.total = 0;
    this.touched = false;
  }
}

/** The distribution of values (k6's Trend). */
export class Trend {
  readonly type = 'trend';
  readonly unit: TrendUnit;
  readonly histogram = new Histogram();
  touched = false;

  constructor(unit: TrendUnit) {
    this.unit = unit;
  }
  /** Integer microseconds of a built-in time; above one hour they are clamped and counted. */
  addUs(us: number): void {
    this.touched = true;
    if (us <= MAX_TIME_US && us >= 0) this.histogram.record(us);
    else this.histogram.recordWithin(us, 0, MAX_TIME_US);
  }
  /** A value of a custom trend, six decimals kept. */
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

export type Sink = Counter | Gauge | Rate | Trend;

/** A sink of a type. */
export const makeSink = (type: MetricType, unit: TrendUnit): Sink => {
  switch (type) {
    case 'counter':
      return new Counter();
    case 'gauge':
      return new Gauge();
    case 'rate':
      return new Rate();
    case 'trend':
      return new Trend(unit);
  }
};
