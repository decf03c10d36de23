import { BUILTIN } from './builtin.js';
import { isMetricName, type MetricInfo } from './metric-info.js';
import { readSnapshot, type Series, type SeriesSnapshot, sameKind, snapshotOf } from './series-snapshot.js';
import { type Counter, type Gauge, makeSink, mergeSink, type Rate, type Trend } from './sinks.js';
import { type SecondsBudget, SummedGauge } from './summed-gauge.js';
import { cutToBytes, OVERFLOW_TAGS, TagSet, type Tags, TagTable } from './tag-set.js';

export interface SeriesBounds {
  /** Series of a set, apart from the one per metric that takes the overflow. @default 10_000 */
  readonly maxSeries: number;
  /** Metrics of a set; what is recorded for more is lost and counted. @default 1_000 */
  readonly maxMetrics: number;
  /** Tags of a series; more are cut off. @default 32 */
  readonly maxTags: number;
  /** Bytes of a tag's name, and of its value; longer ones are cut. @default 256 */
  readonly maxTagBytes: number;
  /** Seconds that the summed gauges (`vus`) of a set hold together; later ones are left out. @default 1_000_000 */
  readonly maxGaugeSeconds: number;
}

export const DEFAULT_BOUNDS: SeriesBounds = {
  maxSeries: 10_000,
  maxMetrics: 1_000,
  maxTags: 32,
  maxTagBytes: 256,
  maxGaugeSeconds: 1_000_000,
};

/** What found no room in a set. */
export interface Overflow {
  /** Look-ups that ended in an overflow series. */
  readonly count: number;
  /** The first of them: its metric and the names of its tags. */
  readonly first: string | null;
  /** How often tags were cut off or shortened. */
  readonly cutTags: number;
}

/** All series of one metric. */
interface Family {
  readonly metric: string;
  readonly info: MetricInfo;
  /** By the id of the tag set. */
  readonly byTags: Map<number, Series>;
  readonly all: Series[];
  overflow: Series | undefined;
}

/**
 * All series of a worker or of a run, by metric and tags, bounded in number. Beyond the bound values go to one series
 * per metric tagged `overflow`, and the counter `series_overflow` says which metrics and tags it was, so it travels with
 * the rest. A metric has one type: the first that was used for it.
 *
 * Looking a series up costs as much as building a text of all its tags, or a number look-up when they are a
 * {@link TagSet}. The sinks stay valid over windows: look up once, then only record.
 */
export class SeriesSet {
  readonly #bounds: SeriesBounds;
  readonly #families = new Map<string, Family>();
  readonly #tags: TagTable;
  readonly #overflowTags: TagSet;
  readonly #notes = new Map<string, Counter>();
  readonly #gaugeSeconds: SecondsBudget;
  #size = 0;
  /** Series that count against the bound. */
  #counted = 0;
  #overflowed = 0;
  #firstOverflow: string | null = null;

  constructor(bounds: Partial<SeriesBounds> = {}) {
    this.#bounds = { ...DEFAULT_BOUNDS, ...bounds };
    const { maxSeries, maxTags, maxTagBytes } = this.#bounds;
    // Sets that are only steps to others (`TagSet.with`) have room too, and that of the overflow.
    this.#tags = new TagTable({ maxSets: 2 * maxSeries + 1, maxTags, maxTagBytes });
    this.#overflowTags = this.#tags.of(OVERFLOW_TAGS);
    this.#gaugeSeconds = { left: this.#bounds.maxGaugeSeconds };
  }

  get size(): number {
    return this.#size;
  }
  get overflow(): Overflow {
    return { count: this.#overflowed, first: this.#firstOverflow, cutTags: this.#tags.cut };
  }

  /** The set of these tags, kept once: with it a series is found without building a key. */
  tags(tags: Tags): TagSet {
    return this.#tags.of(tags);
  }

  /**
   * The series of a metric under these tags; made when it is new. Hold on to it: it stays valid over windows.
   * @throws TypeError when the name can't be a metric's, or the metric is of another type.
   */
  series(metric: string, tags: Tags | TagSet, info: MetricInfo = BUILTIN[metric] ?? PLAIN_COUNTER): Series {
    if (!isMetricName(metric)) throw new TypeError(`"${metric}" can't name a metric: use letters, digits, _ . and -`);
    const found = this.#find(metric, tags, info);
    if (found === undefined) {
      const is = this.#families.get(metric)?.info ?? BUILTIN[metric] ?? info;
      throw new TypeError(`the metric "${metric}" is ${kindText(is)}, so it can't be ${kindText(info)}`);
    }
    return found;
  }

  counter(metric: string, tags: Tags | TagSet): Counter {
    return this.series(metric, tags, { ...PLAIN_COUNTER, contains: BUILTIN[metric]?.contains ?? 'default' })
      .sink as Counter;
  }
  rate(metric: string, tags: Tags | TagSet): Rate {
    return this.series(metric, tags, { type: 'rate', contains: 'default', unit: 'fixed' }).sink as Rate;
  }
  gauge(metric: string, tags: Tags | TagSet): Gauge | SummedGauge {
    return this.series(metric, tags, { type: 'gauge', contains: 'default', unit: 'fixed' }).sink as Gauge | SummedGauge;
  }
  trend(
    metric: string,
    tags: Tags | TagSet,
    info: MetricInfo = BUILTIN[metric] ?? { type: 'trend', contains: 'default', unit: 'fixed' },
  ): Trend {
    return this.series(metric, tags, info).sink as Trend;
  }

  *[Symbol.iterator](): Generator<Series> {
    for (const family of this.#families.values()) yield* family.all;
  }

  /** The series of one metric. */
  of(metric: string): readonly Series[] {
    return this.#families.get(metric)?.all ?? [];
  }

  /** The names of all metrics in which something was recorded, sorted. */
  metrics(): string[] {
    const names = [...this.#families.values()]
      .filter((family) => family.all.some((series) => series.sink.touched))
      .map((family) => family.metric);
    return names.sort();
  }

  /** What was touched since the last call, and a fresh start: the series themselves stay. */
  snapshotAndReset(): SeriesSnapshot[] {
    for (const series of [...this])
      if (series.sink.rejected > 0) this.#note('values_rejected', series.metric, series.sink.rejected, () => ({}));
    const touched: SeriesSnapshot[] = [];
    for (const series of this) {
      if (series.sink.touched) touched.push(snapshotOf(series));
      else if (series.sink.rejected === 0) continue;
      series.sink.reset();
    }
    return touched;
  }

  /**
   * Adds what another set measured. `second` places the part of a summed gauge; by default the gauge's own instant does.
   * @returns false, nothing being changed, when the snapshot makes no sense or its metric is of another type here.
   */
  merge(snapshot: SeriesSnapshot, second?: number): boolean {
    const read = readSnapshot(snapshot);
    return read !== undefined && this.absorb(read, second);
  }

  /** {@link merge}, for a series that was read already. */
  absorb(from: Series, second?: number): boolean {
    const into = this.#find(from.metric, from.tags, from.info)?.sink;
    if (into === undefined) return false;
    if (into instanceof SummedGauge && from.sink.type === 'gauge' && !(from.sink instanceof SummedGauge))
      return into.addPart(from.sink.value, second ?? Math.floor(from.sink.atMs / 1_000));
    return mergeSink(into, from.sink);
  }

  /** Undefined when the metric is of another type. */
  #find(metric: string, given: Tags | TagSet, info: MetricInfo): Series | undefined {
    const family = this.#familyOf(metric, BUILTIN[metric] ?? info);
    const is = family?.info ?? BUILTIN[metric] ?? info;
    if (!sameKind(is, info)) return undefined;
    const tags = given instanceof TagSet && given.table === this.#tags ? given : this.#tags.of(tagsOf(given));
    if (family === undefined) {
      this.#countOverflow('*', metric, tags.tags);
      return { metric, info: is, tags: tags.tags, sink: makeSink(is) };
    }
    const found = family.byTags.get(tags.id);
    if (found !== undefined) return found;
    if (tags === this.#overflowTags) return this.#overflowOf(family);
    if (tags.id < 0 || this.#counted >= this.#bounds.maxSeries) {
      this.#countOverflow(metric, metric, tags.tags);
      return this.#overflowOf(family);
    }
    this.#counted += 1;
    const made = this.#make(family, tags.tags);
    family.byTags.set(tags.id, made);
    return made;
  }

  /** Undefined when there is no room for one more metric; those for our own notes always find it. */
  #familyOf(metric: string, info: MetricInfo): Family | undefined {
    let family = this.#families.get(metric);
    if (family === undefined && (this.#families.size < this.#bounds.maxMetrics || NOTES.includes(metric))) {
      family = { metric, info, byTags: new Map(), all: [], overflow: undefined };
      this.#families.set(metric, family);
    }
    return family;
  }

  #make(family: Family, tags: Tags): Series {
    const made: Series = {
      metric: family.metric,
      info: family.info,
      tags,
      sink: makeSink(family.info, this.#gaugeSeconds),
    };
    family.all.push(made);
    this.#size += 1;
    return made;
  }

  #overflowOf(family: Family): Series {
    family.overflow ??= this.#make(family, OVERFLOW_TAGS);
    return family.overflow;
  }

  #countOverflow(label: string, metric: string, tags: Tags): void {
    this.#overflowed += 1;
    this.#firstOverflow ??= `${metric}{${namesOf(tags)}}`;
    this.#note('series_overflow', label, 1, () => ({ tags: cutToBytes(namesOf(tags), this.#bounds.maxTagBytes) }));
  }

  /** Counts in a metric about metrics: one series for each metric that it is about, whatever the bound says. */
  #note(name: (typeof NOTES)[number], metric: string, count: number, more: () => Tags): void {
    const key = `${name} ${metric}`;
    let counter = this.#notes.get(key);
    if (counter === undefined) {
      const family = this.#familyOf(name, PLAIN_COUNTER);
      if (family === undefined) return;
      counter = this.#make(family, { metric, ...more() }).sink as Counter;
      this.#notes.set(key, counter);
    }
    counter.add(count);
  }
}

const PLAIN_COUNTER: MetricInfo = { type: 'counter', contains: 'default', unit: 'fixed' };
const NOTES: readonly string[] = ['series_overflow', 'values_rejected'];

const namesOf = (tags: Tags): string => Object.keys(tags).sort().join(',');

const tagsOf = (given: Tags | TagSet): Tags => (given instanceof TagSet ? given.tags : given);

const kindText = ({ type, unit }: MetricInfo): string =>
  type === 'trend' ? `a trend of ${unit === 'us' ? 'microseconds' : 'numbers'}` : `a ${type}`;
