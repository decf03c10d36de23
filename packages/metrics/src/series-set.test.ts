import {
  aggregate,
  Counter,
  Gauge,
  mergeSink,
  Rate,
  readSnapshot,
  SeriesSet,
  type SeriesSnapshot,
  SummedGauge,
  Trend,
} from '@muster/metrics';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const good: SeriesSnapshot = {
  metric: 'http_reqs',
  type: 'counter',
  contains: 'default',
  unit: 'fixed',
  tags: {},
  values: [4],
};

describe('SeriesSet', () => {
  it('gives the touched series of a window once', () => {
    const set = new SeriesSet();
    set.counter('http_reqs', { name: 'a' }).add(2);
    set.trend('http_req_duration', { name: 'a' }).addUs(1_500);
    set.counter('iterations', {});
    expect(set.snapshotAndReset().map((each) => each.metric)).toEqual(['http_reqs', 'http_req_duration']);
    expect(set.snapshotAndReset()).toEqual([]);
    set.counter('http_reqs', { name: 'a' }).add(1);
    expect(set.snapshotAndReset()).toMatchObject([{ metric: 'http_reqs', values: [1] }]);
  });

  it('keeps a sink valid over windows, whatever the order of its tags', () => {
    const set = new SeriesSet();
    const sink = set.trend('http_req_duration', { scenario: 's', name: 'a' });
    sink.addUs(1);
    set.snapshotAndReset();
    sink.addUs(2);
    expect(set.trend('http_req_duration', { name: 'a', scenario: 's' })).toBe(sink);
    expect(set.snapshotAndReset()).toHaveLength(1);
  });

  it('keeps a set of tags once, and tells apart what only looks the same', () => {
    const set = new SeriesSet();
    const base = set.tags({ scenario: 's' });
    const both = base.with('status', '200');
    expect(base.with('status', '200')).toBe(both);
    expect(set.tags({ status: '200', scenario: 's' })).toBe(both);
    expect(set.counter('http_reqs', both)).toBe(set.counter('http_reqs', { scenario: 's', status: '200' }));
    const two = set.tags({ a: '1', b: '2' });
    for (const alike of [{ a: '11:b1:2' }, { 'a1:1b': '2' }, { a1b: '2' }, { a: '1b2' }])
      expect(set.tags(alike).id).not.toBe(two.id);
    const other = new SeriesSet();
    for (const x of ['1', '2', '3', '4']) other.counter('http_reqs', { x });
    expect(other.counter('http_reqs', both)).toBe(other.counter('http_reqs', { scenario: 's', status: '200' }));
  });

  it('finds each of many series again, and no other', () => {
    const tags = fc.dictionary(fc.string({ maxLength: 4 }), fc.string({ maxLength: 4 }), { maxKeys: 4 });
    fc.assert(
      fc.property(fc.uniqueArray(tags, { selector: (each) => JSON.stringify(Object.entries(each).sort()) }), (list) => {
        const set = new SeriesSet();
        for (const [at, each] of list.entries()) if (!isOverflow(each)) set.counter('http_reqs', each).add(at + 1);
        for (const [at, each] of list.entries())
          if (!isOverflow(each)) expect(set.counter('http_reqs', { ...each }).sum).toBe(at + 1);
      }),
    );
  });

  it('bounds the number of series, counts and names what is over, and loses no value', () => {
    const set = new SeriesSet({ maxSeries: 3 });
    for (let n = 0; n < 10; n += 1) set.counter('http_reqs', { name: String(n), url: 'u' }).add(1);
    set.trend('http_req_duration', { name: 'x' }).addUs(5);
    expect(set.overflow).toEqual({ count: 8, first: 'http_reqs{name,url}', cutTags: 0 });
    expect(aggregate(set, 'http_reqs')?.sink).toMatchObject({ sum: 10 });
    expect(aggregate(set, 'http_reqs', { overflow: 'true' })?.sink).toMatchObject({ sum: 7 });
    const notes = set.snapshotAndReset().filter((each) => each.metric === 'series_overflow');
    expect(notes.map(({ tags, values }) => ({ tags, values }))).toEqual([
      { tags: { metric: 'http_reqs', tags: 'name,url' }, values: [7] },
      { tags: { metric: 'http_req_duration', tags: 'name' }, values: [1] },
    ]);
  });

  it('stays bounded when tags, sets of tags and metrics are made without end', () => {
    const set = new SeriesSet({ maxSeries: 5, maxMetrics: 3 });
    let tags = set.tags({});
    for (let n = 0; n < 100; n += 1) {
      tags = set.tags({ n: String(n) }).with('m', String(n));
      set.counter(`metric_${n % 10}`, tags).add(1);
    }
    // 5 series, an overflow for each of 3 metrics, a note for each of these and for the metrics without room.
    expect(set.size).toBeLessThanOrEqual(5 + 3 + 4);
    expect(aggregate(set, 'series_overflow', { metric: '*' })?.sink).toMatchObject({ sum: 70 });
    expect([0, 1, 2].map((n) => aggregate(set, `metric_${n}`)?.sink)).toMatchObject([
      { sum: 10 },
      { sum: 10 },
      { sum: 10 },
    ]);
  });

  it('lets tags for which there is no room share no series but the overflow', () => {
    const set = new SeriesSet({ maxSeries: 2 });
    for (let n = 0; n < 10; n += 1) set.tags({ step: String(n) });
    const [a, b] = [set.tags({ name: 'a' }), set.tags({ name: 'b' }).with('more', 'c')];
    expect([a.id, b.id]).toEqual([-1, -1]);
    expect(set.counter('http_reqs', a)).toBe(set.series('http_reqs', { overflow: 'true' }).sink);
    expect(set.counter('http_reqs', b)).toBe(set.counter('http_reqs', a));
    expect(set.overflow).toMatchObject({ count: 3, first: 'http_reqs{name}' });
  });

  it('cuts tags at 32 of 256 bytes, between characters', () => {
    const set = new SeriesSet();
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`t${n}`, 'v']));
    const series = set.series('http_reqs', { ...many, t0: '€'.repeat(100) });
    expect(Object.keys(series.tags)).toHaveLength(32);
    expect(series.tags.t0).toBe('€'.repeat(85));
    expect(set.series('http_reqs', { t: `${'x'.repeat(255)}💥` }).tags.t).toBe('x'.repeat(255));
    expect(set.overflow.cutTags).toBe(2);
  });

  it('makes texts of the tags that plain JavaScript gives', () => {
    const set = new SeriesSet();
    expect(set.series('http_reqs', { status: 200 } as never).tags).toEqual({ status: '200' });
  });

  it('refuses a name that no threshold could name, and a second type for a metric', () => {
    const set = new SeriesSet();
    set.counter('mine', {}).add(1);
    expect(() => set.trend('mine', {})).toThrow('the metric "mine" is a counter, so it can\'t be a trend of numbers');
    expect(() => set.counter('http_req_duration', {})).toThrow('is a trend of microseconds');
    for (const bad of ['', 'a b', '1a', 'a{b}', 'x'.repeat(200)]) expect(() => set.counter(bad, {})).toThrow(TypeError);
    expect(set.counter('constructor', {})).toBeInstanceOf(Counter);
  });

  it('leaves out what is no finite number, and says how much', () => {
    const set = new SeriesSet();
    set.counter('mine', {}).add(Number.NaN);
    set.counter('mine', {}).add(Number.POSITIVE_INFINITY);
    set.gauge('level', {}).add(Number.NEGATIVE_INFINITY, 1);
    set.trend('times', {}).add(Number.NaN);
    const snapshots = set.snapshotAndReset();
    expect(snapshots.map((each) => each.metric)).toEqual([
      'times',
      'values_rejected',
      'values_rejected',
      'values_rejected',
    ]);
    expect(snapshots.slice(1).map(({ tags, values }) => [tags.metric, values[0]])).toEqual([
      ['mine', 2],
      ['level', 1],
      ['times', 1],
    ]);
    expect(set.snapshotAndReset()).toEqual([]);
  });

  it('keeps every number of a snapshot finite', () => {
    const set = new SeriesSet();
    for (let n = 0; n < 3; n += 1) set.counter('mine', {}).add(Number.MAX_VALUE);
    expect(set.snapshotAndReset()[0]?.values).toEqual([Number.MAX_VALUE]);
  });

  it('merges what it reads back from plain data', () => {
    const set = new SeriesSet();
    set.counter('http_reqs', { name: 'a' }).add(3);
    set.gauge('mine', {}).add(-2.5, 700);
    set.gauge('vus', {}).add(7, 700);
    set.rate('checks', { check: 'ok' }).add(true);
    set.trend('http_req_duration', {}).addUs(1_234);
    set.trend('temperature', {}).add(-0.5);
    const snapshots = set.snapshotAndReset();
    const merged = new SeriesSet();
    for (const each of snapshots) expect(merged.merge(each)).toBe(true);
    expect(merged.snapshotAndReset().map(({ metric, values, tags }) => ({ metric, values, tags }))).toEqual(
      // A summed gauge knows the second, not the millisecond.
      snapshots.map(({ metric, values, tags }) => ({ metric, values: metric === 'vus' ? [7, 7, 7, 0] : values, tags })),
    );
  });

  it('knows better than a snapshot what a built-in metric is', () => {
    expect(readSnapshot({ ...good, metric: 'data_sent' })?.info.contains).toBe('data');
    expect(readSnapshot({ ...good, metric: 'mine', contains: 'data' })?.info.contains).toBe('data');
  });

  it('merges nothing from a sink in which nothing was recorded, and none of another kind', () => {
    for (const make of [
      () => new Counter(),
      () => new Gauge(),
      () => new SummedGauge(),
      () => new Rate(),
      () => new Trend('us'),
    ]) {
      const into = make();
      expect([mergeSink(into, make()), into.touched]).toEqual([true, false]);
    }
    expect(mergeSink(new Trend('us'), new Trend('fixed'))).toBe(false);
    expect(mergeSink(new Gauge(), new SummedGauge())).toBe(false);
  });

  it('refuses snapshots that make no sense, and changes nothing', () => {
    const histogram = new Trend('us').histogram.encode();
    const bad: unknown[] = [
      {},
      { ...good, metric: 7 },
      { ...good, metric: 'a b' },
      { ...good, type: 'trend', values: [] },
      { ...good, type: 'sum' },
      { ...good, contains: 'money' },
      { ...good, tags: null },
      { ...good, tags: ['a'] },
      { ...good, tags: { a: 1 } },
      { ...good, values: undefined },
      { ...good, values: [] },
      { ...good, values: [Number.NaN] },
      { ...good, values: ['4'] },
      { ...good, metric: 'mine', type: 'gauge', values: [1, 2, 3, 4] },
      { ...good, metric: 'mine', type: 'gauge', values: [1, 1, 1] },
      { ...good, metric: 'checks', type: 'rate', values: [3, 2] },
      { ...good, metric: 'checks', type: 'rate', values: [-1, 2] },
      { ...good, metric: 'checks', type: 'rate', values: [0.5, 2] },
      { ...good, metric: 'mine', type: 'trend', values: [], histogram: new Uint8Array([9, 9]) },
      { ...good, metric: 'mine', type: 'trend', values: [], histogram: 'text' },
      { ...good, metric: 'http_req_duration', type: 'trend', values: [], histogram },
    ];
    const set = new SeriesSet();
    for (const each of bad) expect(set.merge(each as SeriesSnapshot), JSON.stringify(each)).toBe(false);
    expect(set.size).toBe(0);
    expect(set.merge({ ...good, metric: 'mine' })).toBe(true);
    expect(set.merge({ ...good, metric: 'mine', type: 'trend', values: [], histogram })).toBe(false);
  });

  it('never falls over plain data of any shape', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(good), 'histogram'), fc.anything()), (data) => {
        const read = readSnapshot({ ...good, ...data } as SeriesSnapshot);
        if (read !== undefined) expect(new SeriesSet().absorb(read)).toBe(true);
      }),
    );
  });
});

describe('SummedGauge', () => {
  it('is the sum of its parts at each second, in whatever order they come', () => {
    const part = fc.tuple(fc.nat({ max: 20 }), fc.nat({ max: 100 }));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 60 }), fc.integer(), (parts, turn) => {
        const bySecond = new Map<number, number>();
        for (const [second, value] of parts) bySecond.set(second, (bySecond.get(second) ?? 0) + value);
        const gauge = new SummedGauge();
        const start = Math.abs(turn) % parts.length;
        for (const [second, value] of [...parts.slice(start), ...parts.slice(0, start)]) gauge.addPart(value, second);
        expect(gauge.value).toBe(bySecond.get(Math.max(...bySecond.keys())));
        expect([gauge.min, gauge.max]).toEqual([Math.min(...bySecond.values()), Math.max(...bySecond.values())]);
      }),
    );
  });

  it('takes the last level of its own source in a second', () => {
    const gauge = new SummedGauge();
    gauge.add(5, 100);
    gauge.add(3, 900);
    expect([gauge.value, gauge.min, gauge.max]).toEqual([3, 3, 3]);
  });

  it('holds no more seconds than its budget, and gives them back', () => {
    const budget = { left: 2 };
    const gauge = new SummedGauge(budget);
    expect([0, 1, 1, 2].map((second) => gauge.addPart(1, second))).toEqual([true, true, true, false]);
    gauge.reset();
    expect(budget.left).toBe(2);
  });
});

const isOverflow = (tags: Readonly<Record<string, string>>): boolean =>
  Object.keys(tags).length === 1 && tags.overflow === 'true';
