import { aggregate, RunSeries, SeriesSet, type SeriesSnapshot, summarizeMetrics, summaryValues } from '@muster/metrics';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const valuesOf = (set: SeriesSet | undefined, metric: string, tags = {}, seconds = 1) => {
  const found = set === undefined ? undefined : aggregate(set, metric, tags);
  return found === undefined ? undefined : summaryValues(found.sink, seconds);
};
const window = (fill: (set: SeriesSet) => void): SeriesSnapshot[] => {
  const set = new SeriesSet();
  fill(set);
  return set.snapshotAndReset();
};

describe('RunSeries', () => {
  it('merges what other sets measured, by tags', () => {
    const run = new RunSeries();
    for (const name of ['a', 'b', 'a'])
      run.add(
        3,
        window((worker) => {
          worker.counter('http_reqs', { name, scenario: `s${name}` }).add(1);
          worker.trend('http_req_duration', { name, scenario: `s${name}` }).addUs(name === 'a' ? 1_000 : 9_000);
        }),
      );
    expect(valuesOf(run.totals, 'http_reqs', {}, 2)).toEqual({ count: 3, rate: 1.5 });
    expect(valuesOf(run.totals, 'http_reqs', { name: 'a' })).toMatchObject({ count: 2 });
    expect(valuesOf(run.second(3), 'http_req_duration', { scenario: 'sb' })).toMatchObject({ avg: 9, 'p(95)': 9 });
  });

  it('keeps single seconds by scenario only, unless asked for other tags', () => {
    const snapshots = window((worker) => worker.counter('http_reqs', { name: 'a', scenario: 's' }).add(1));
    const run = new RunSeries();
    run.add(0, snapshots);
    expect([...(run.second(0) ?? [])].map((series) => series.tags)).toEqual([{ scenario: 's' }]);
    const wide = new RunSeries({ windowTags: ['name', 'missing'] });
    wide.add(0, snapshots);
    expect([...(wide.second(0) ?? [])].map((series) => series.tags)).toEqual([{ name: 'a' }]);
  });

  it('amends a kept second and always the totals, and forgets old seconds', () => {
    const run = new RunSeries({ keptSeconds: 2 });
    const one = window((worker) => worker.counter('http_reqs', {}).add(1));
    for (const second of [5, 4, 5, 1]) run.add(second, one);
    expect(run.seconds()).toEqual([4, 5]);
    expect(valuesOf(run.second(5), 'http_reqs')).toMatchObject({ count: 2 });
    run.add(6, one);
    expect(run.seconds()).toEqual([5, 6]);
    expect(run.newestSecond).toBe(6);
    expect(valuesOf(run.totals, 'http_reqs')).toMatchObject({ count: 5 });
  });

  it('sums the virtual users of all workers, second by second; other gauges take the last value', () => {
    const run = new RunSeries({ keptSeconds: 1 });
    // Worker by worker, as a replay from disk gives them: far beyond the kept seconds.
    for (const [worker, levels] of [
      [1, 5, 5, 2],
      [1, 5, 4],
    ].entries())
      for (const [second, vus] of levels.entries())
        run.add(
          second,
          window((set) => {
            set.gauge('vus', { scenario: `s${worker}` }).add(vus, second * 1_000 + 900);
            set.gauge('mine', {}).add(vus, second * 1_000 + worker);
          }),
        );
    expect(valuesOf(run.totals, 'vus')).toEqual({ value: 2, min: 2, max: 10 });
    expect(valuesOf(run.totals, 'vus', { scenario: 's1' })).toEqual({ value: 4, min: 1, max: 5 });
    expect(valuesOf(run.totals, 'mine')).toEqual({ value: 2, min: 1, max: 5 });
  });

  it('counts what makes no sense, and takes the rest', () => {
    const run = new RunSeries({ maxGaugeSeconds: 1 });
    const [good] = window((worker) => worker.counter('http_reqs', {}).add(4));
    run.add(0, [{ ...good, values: [] } as unknown as SeriesSnapshot, good as SeriesSnapshot]);
    run.add(Number.NaN, [good as SeriesSnapshot]);
    for (const second of [0, 1])
      run.add(
        second,
        window((set) => set.gauge('vus', {}).add(1, 0)),
      );
    expect(run.refused).toBe(3);
    expect(valuesOf(run.totals, 'http_reqs')).toMatchObject({ count: 4 });
  });

  it('gives the same totals for any order of the same windows', () => {
    const sample = fc.record({
      second: fc.nat({ max: 40 }),
      name: fc.constantFrom('a', 'b'),
      us: fc.nat({ max: 5_000_000 }),
      vus: fc.nat({ max: 50 }),
    });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 40 }), fc.infiniteStream(fc.nat()), (samples, order) => {
        const windows = samples.map(({ second, name, us, vus }) => ({
          second,
          snapshots: window((set) => {
            set.trend('http_req_duration', { name }).addUs(us);
            set.counter('data_sent', { name }).add(us);
            set.rate('http_req_failed', { name }).add(us % 2 === 0);
            set.gauge('vus', {}).add(vus, second * 1_000);
            set.gauge('mine', {}).add(vus, second * 1_000);
          }),
        }));
        const shuffled = windows
          .map((each) => ({ each, key: order.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ each }) => each);
        expect(plain(shuffled)).toEqual(plain(windows));
      }),
    );
  });
});

const plain = (windows: readonly { readonly second: number; readonly snapshots: readonly SeriesSnapshot[] }[]) => {
  const run = new RunSeries({ keptSeconds: 5 });
  for (const { second, snapshots } of windows) run.add(second, snapshots);
  const byKey = run.totals
    .snapshotAndReset()
    .map((each) => [`${each.metric}${JSON.stringify(each.tags)}`, each] as const);
  return Object.fromEntries(byKey.sort());
};

describe('summarizeMetrics', () => {
  it('gives metrics and submetrics under the names of k6, times in milliseconds', () => {
    const set = new SeriesSet();
    for (let ms = 1; ms <= 100; ms += 1)
      set.trend('http_req_duration', { name: ms > 90 ? 'cart' : 'home' }).addUs(ms * 100);
    set.counter('http_reqs', {}).add(100);
    set.counter('iterations', {});
    set.rate('http_req_failed', {}).add(true);
    set.rate('http_req_failed', {}).add(false);
    expect(
      summarizeMetrics(set, {
        seconds: 20,
        trendStats: ['avg', 'max', 'p(99.9)', 'nonsense'],
        selectors: ['http_req_duration{name:cart}', 'http_req_duration', 'http_reqs{name:none}', 'bad{'],
      }),
    ).toEqual({
      metrics: {
        http_req_duration: {
          type: 'trend',
          contains: 'time',
          values: { count: 100, avg: 5.05, max: 10, 'p(99.9)': 10 },
        },
        http_req_failed: { type: 'rate', contains: 'default', values: { rate: 0.5, passes: 1, fails: 1 } },
        http_reqs: { type: 'counter', contains: 'default', values: { count: 100, rate: 5 } },
      },
      submetrics: {
        'http_req_duration{name:cart}': {
          metric: 'http_req_duration',
          tags: { name: 'cart' },
          type: 'trend',
          contains: 'time',
          values: { count: 10, avg: 9.55, max: 10, 'p(99.9)': 10 },
        },
      },
    });
  });

  it('keeps custom values negative and fractional', () => {
    const set = new SeriesSet();
    for (const value of [-1.5, 0.25, 3]) set.trend('temperature', {}).add(value);
    const values = valuesOf(set, 'temperature');
    expect(values).toMatchObject({ count: 3, min: -1.5, max: 3 });
    expect(Math.abs((values?.med as number) - 0.25)).toBeLessThanOrEqual(0.0025);
  });
});
