import { BUILTIN, type SeriesSet, type SeriesSnapshot } from '@muster/metrics';
import { counterKind } from './native-look.js';

/** Iterations of one scenario. */
export interface NativeIterations {
  started: number;
  /** Those that came to their end, failed ones too; what was cut off is only started, as in the original. */
  stopped: number;
  failed: number;
}

/** The counters of a run of ours, or of a part of one, by the original's kinds. */
export class NativeTally {
  hits = 0;
  readonly scenarios = new Map<string, NativeIterations>();
  /** Counters of the author's, by kind and scenario. */
  readonly counters = new Map<string, Map<string, number>>();

  /** The counters of a window. */
  addWindow(series: readonly SeriesSnapshot[]): void {
    for (const { metric, type, tags, values } of series)
      if (type === 'counter') this.#add(metric, tags.scenario ?? '', values[0] ?? 0);
  }

  /** Everything that is merged. */
  addAll(set: SeriesSet): void {
    for (const { metric, tags, sink } of set)
      if (sink.type === 'counter' && sink.touched) this.#add(metric, tags.scenario ?? '', sink.sum);
  }

  /** How many rows of each kind there are; of the author's counters, what they add up to. */
  counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = Object.create(null) as Record<string, number>;
    const add = (kind: string, count: number) => {
      if (count !== 0) counts[kind] = (counts[kind] ?? 0) + count;
    };
    for (const { started, stopped, failed } of this.scenarios.values()) {
      add('startTest', started);
      add('stopTest', stopped);
      add('addSuccess', stopped - failed);
      add('addError', failed);
    }
    add('add_hit', this.hits);
    for (const [kind, sums] of this.counters) for (const sum of sums.values()) add(kind, sum);
    return counts;
  }

  #add(metric: string, scenario: string, sum: number): void {
    switch (metric) {
      case 'http_reqs':
        this.hits += sum;
        return;
      case 'iterations_started':
        this.#iterations(scenario).started += sum;
        return;
      case 'iterations':
        this.#iterations(scenario).stopped += sum;
        return;
      case 'iterations_failed':
        this.#iterations(scenario).failed += sum;
        return;
      default:
        if (BUILTIN[metric] === undefined) this.#count(counterKind(metric), scenario, sum);
    }
  }

  #iterations(scenario: string): NativeIterations {
    let found = this.scenarios.get(scenario);
    if (found === undefined) {
      found = { started: 0, stopped: 0, failed: 0 };
      this.scenarios.set(scenario, found);
    }
    return found;
  }

  #count(kind: string, scenario: string, sum: number): void {
    let sums = this.counters.get(kind);
    if (sums === undefined) {
      sums = new Map();
      this.counters.set(kind, sums);
    }
    sums.set(scenario, (sums.get(scenario) ?? 0) + sum);
  }
}

/** Hits by URL, as the requests are named. */
export const urlsOf = (set: SeriesSet): Readonly<Record<string, number>> => {
  const urls: Record<string, number> = Object.create(null) as Record<string, number>;
  for (const { tags, sink } of set.of('http_reqs')) {
    if (sink.type !== 'counter' || !sink.touched) continue;
    const url = tags.name ?? '?';
    urls[url] = (urls[url] ?? 0) + sink.sum;
  }
  return urls;
};
