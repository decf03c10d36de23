import {
  aggregate,
  BUILTIN,
  evaluateThresholds,
  fits,
  parseCondition,
  parseSelector,
  RunSeries,
  SeriesSet,
  summaryValues,
} from '@muster/metrics';
import { describe, expect, it } from 'vitest';

const spec = (key: string, expression: string) => ({ key, expression, abortOnFail: false, delayAbortEvalMs: 0 });

describe('SeriesSet', () => {
  it('gives the touched series of a window once', () => {
    const set = new SeriesSet();
    set.counter('http_reqs', { name: 'a' }).add(2);
    set.trend('http_req_duration', { name: 'a' }).addUs(1_500);
    expect(set.snapshotAndReset().map((each) => each.metric)).toEqual(['http_reqs', 'http_req_duration']);
    expect(set.snapshotAndReset()).toEqual([]);
    set.counter('http_reqs', { name: 'a' }).add(1);
    expect(set.snapshotAndReset()).toMatchObject([{ metric: 'http_reqs', values: [1] }]);
  });

  it('merges what other sets measured, by tags', () => {
    const run = new RunSeries();
    for (const name of ['a', 'b', 'a']) {
      const worker = new SeriesSet();
      worker.counter('http_reqs', { name }).add(1);
      worker.trend('http_req_duration', { name }).addUs(name === 'a' ? 1_000 : 9_000);
      run.add(3, worker.snapshotAndReset());
    }
    expect(summaryValues(aggregate(run.totals, 'http_reqs')?.sink as never, 2)).toEqual({ count: 3, rate: 1.5 });
    expect(aggregate(run.totals, 'http_reqs', { name: 'a' })?.sink).toMatchObject({ sum: 2 });
    expect(
      summaryValues(aggregate(run.second(3) as SeriesSet, 'http_req_duration', { name: 'b' })?.sink as never, 1),
    ).toMatchObject({ count: 1, avg: 9, 'p(95)': 9 });
  });

  it('bounds the number of series, counts and names what is over', () => {
    const set = new SeriesSet({ maxSeries: 3 });
    for (let n = 0; n < 10; n += 1) set.counter('http_reqs', { name: String(n) }).add(1);
    expect(set.size).toBe(4);
    expect(set.overflow).toEqual({ count: 7, first: 'http_reqs{name}' });
    expect(aggregate(set, 'http_reqs')?.sink).toMatchObject({ sum: 10 });
    expect(aggregate(set, 'http_reqs', { overflow: 'true' })?.sink).toMatchObject({ sum: 7 });
  });

  it('refuses snapshots that make no sense', () => {
    const run = new RunSeries();
    const good = { metric: 'http_reqs', type: 'counter', contains: 'default', unit: 'fixed', tags: {} } as const;
    run.add(0, [
      { ...good, type: 'trend', values: [] },
      { ...good, metric: 'mine', type: 'trend', values: [], histogram: new Uint8Array([9, 9]) },
      { ...good, values: [] },
      { ...good, values: [4] },
    ]);
    expect(run.refused).toBe(3);
    expect(aggregate(run.totals, 'http_reqs')?.sink).toMatchObject({ sum: 4 });
  });

  it('keeps custom values negative and fractional', () => {
    const set = new SeriesSet();
    const trend = set.trend('temperature', {});
    for (const value of [-1.5, 0.25, 3]) trend.add(value);
    const values = summaryValues(trend, 1);
    expect(values).toMatchObject({ count: 3, min: -1.5, max: 3 });
    expect(Math.abs((values.med as number) - 0.25)).toBeLessThanOrEqual(0.0025);
  });
});

describe('thresholds', () => {
  it('read the grammar of k6', () => {
    expect(parseCondition('p(99.9) <= 500')).toMatchObject({ aggregation: 'p(99.9)', operator: '<=', limit: 500 });
    expect(parseCondition('rate<0.01')).toMatchObject({ aggregation: 'rate', operator: '<', limit: 0.01 });
    for (const bad of ['', 'p(95)', 'p(101)<1', 'avg<', 'avg << 3', 'sum<3', 'avg<1s'])
      expect(typeof parseCondition(bad)).toBe('string');
    expect(parseSelector('http_req_duration{name:cart, status:200}')).toEqual({
      metric: 'http_req_duration',
      tags: { name: 'cart', status: '200' },
    });
    expect(parseSelector('m{url:http://a/b}')).toEqual({ metric: 'm', tags: { url: 'http://a/b' } });
    for (const bad of ['', '{a:b}', 'm{a}', 'm{a:b']) expect(typeof parseSelector(bad)).toBe('string');
  });

  it('know what each type has', () => {
    for (const [expression, metric, ok] of [
      ['p(95)<1', 'http_req_duration', true],
      ['count>1', 'http_reqs', true],
      ['p(95)<1', 'http_reqs', false],
      ['rate<1', 'checks', true],
      ['value<1', 'vus', true],
      ['avg<1', 'vus', false],
    ] as const) {
      const condition = parseCondition(expression);
      if (typeof condition === 'string') throw new Error(condition);
      expect(fits(condition, BUILTIN[metric]?.type as never) === null).toBe(ok);
    }
  });

  it('judge merged metrics, and fail without data', () => {
    const set = new SeriesSet();
    for (let ms = 1; ms <= 100; ms += 1)
      set.trend('http_req_duration', { name: ms > 90 ? 'slow' : 'fast' }).addUs(ms * 1_000);
    const results = evaluateThresholds(
      set,
      [
        spec('http_req_duration', 'max<=100'),
        spec('http_req_duration{name:slow}', 'min<91'),
        spec('http_req_duration{name:none}', 'max<9999'),
        spec('http_reqs', 'count>=0'),
      ],
      10,
    );
    expect(results.map((each) => each.ok)).toEqual([true, false, false, false]);
    expect(results.map((each) => each.value)).toEqual([100, 91, undefined, undefined]);
  });
});
