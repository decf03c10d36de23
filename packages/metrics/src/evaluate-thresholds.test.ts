import {
  abortingThreshold,
  BUILTIN,
  evaluateThresholds,
  fits,
  holds,
  isTrendStat,
  parseCondition,
  parseSelector,
  SeriesSet,
  thresholdFaults,
} from '@muster/metrics';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const spec = (key: string, expression: string, abortOnFail = false, delayAbortEvalMs = 0) => ({
  key,
  expression,
  abortOnFail,
  delayAbortEvalMs,
});
const read = (source: string) => {
  const condition = parseCondition(source);
  if (typeof condition === 'string') throw new Error(condition);
  return condition;
};

describe('parseCondition', () => {
  it('reads the grammar of k6, and negative limits', () => {
    expect(read(' p( 99.9 ) <= 500 ')).toEqual({
      aggregation: 'p(99.9)',
      operator: '<=',
      limit: 500,
      source: 'p( 99.9 ) <= 500',
    });
    expect(read('rate<0.01')).toMatchObject({ aggregation: 'rate', operator: '<', limit: 0.01 });
    expect(read('min>-1.5')).toMatchObject({ aggregation: 'min', operator: '>', limit: -1.5 });
    expect(read('p(0)<1').aggregation).toBe('p(0)');
    expect(read('p(100)<1').aggregation).toBe('p(100)');
  });

  it('says at which character a text stops making sense', () => {
    for (const [source, message] of [
      ['', 'expected count, rate, value, avg, min, max, med or p(N) at character 1'],
      ['sum<3', 'expected count, rate, value, avg, min, max, med or p(N) at character 1'],
      ['counts<3', 'expected count, rate, value, avg, min, max, med or p(N) at character 1'],
      ['p95<3', 'expected count, rate, value, avg, min, max, med or p(N) at character 1'],
      ['p(95<500', 'expected ")" at character 5'],
      ['p()<500', 'expected a number from 0 to 100 at character 3'],
      ['p(101)<1', 'a percentile is at most 100, stopped at character 6'],
      ['p(95)', 'expected one of > >= < <= == === != at character 6'],
      ['avg<', 'expected a number at character 5'],
      ['avg << 3', 'expected a number at character 6'],
      ['avg<1s', 'expected nothing more at character 6'],
    ] as const)
      expect(parseCondition(source)).toBe(`"${source}": ${message}`);
  });

  it('reads back what is written in the grammar', () => {
    const aggregation = fc.oneof(
      fc.constantFrom('count', 'rate', 'value', 'avg', 'min', 'max', 'med'),
      fc.integer({ min: 0, max: 1_000 }).map((tenths) => `p(${tenths / 10})`),
    );
    const operator = fc.constantFrom('>', '>=', '<', '<=', '==', '===', '!=');
    const limit = fc.integer({ min: -1_000_000, max: 1_000_000 }).map((thousandths) => thousandths / 1_000);
    const space = fc.constantFrom('', ' ', '  ');
    fc.assert(
      fc.property(aggregation, operator, limit, space, space, (name, sign, number, before, after) => {
        expect(read(`${name}${before}${sign}${after}${number}`)).toMatchObject({
          aggregation: name,
          operator: sign,
          limit: number,
        });
      }),
    );
  });

  it('never falls over a text', () => {
    fc.assert(fc.property(fc.string(), (text) => void [parseCondition(text), parseSelector(text)]));
  });

  it('compares with each operator', () => {
    const table: readonly (readonly [string, readonly boolean[]])[] = [
      ['avg<2', [true, false, false]],
      ['avg<=2', [true, true, false]],
      ['avg>2', [false, false, true]],
      ['avg>=2', [false, true, true]],
      ['avg==2', [false, true, false]],
      ['avg===2', [false, true, false]],
      ['avg!=2', [true, false, true]],
    ];
    for (const [source, expected] of table)
      expect([1, 2, 3].map((value) => holds(read(source), value))).toEqual(expected);
  });
});

describe('parseSelector', () => {
  it('reads a metric and tags; the first colon ends a name', () => {
    for (const [key, tags] of [
      ['m', {}],
      ['m{}', {}],
      [' m { name : cart , status:200 } ', { name: 'cart', status: '200' }],
      ['m{url:http://a/b}', { url: 'http://a/b' }],
      ['m{group:::cart}', { group: '::cart' }],
      ['m{url:"http://a/{id},b"}', { url: 'http://a/{id},b' }],
      ["m{name:'a b',x:}", { name: 'a b', x: '' }],
    ] as const)
      expect(parseSelector(key)).toEqual({ metric: 'm', tags });
  });

  it('says at which character a key stops making sense', () => {
    for (const [key, message] of [
      ['', 'expected the name of a metric at character 1'],
      ['{a:b}', 'expected the name of a metric at character 1'],
      ['m{a}', 'expected ":" and the value of the tag at character 4'],
      ['m{a:b', 'expected "," or "}" at character 6'],
      ['m{a:b}x', 'expected nothing more at character 7'],
      ['m{a:b,}', 'expected the name of a tag at character 7'],
      ['m x', 'expected "{" at character 3'],
    ] as const)
      expect(parseSelector(key)).toBe(`"${key}": ${message}`);
  });
});

describe('thresholdFaults', () => {
  const typeOf = (metric: string) => BUILTIN[metric]?.type;

  it('finds what a metric does not have, and leaves unknown metrics alone', () => {
    for (const [key, expression, faults] of [
      ['http_req_duration', 'p(95)<1', 0],
      ['http_req_duration{name:cart}', 'count>1', 1],
      ['http_reqs', 'count>1', 0],
      ['http_reqs', 'p(95)<1', 1],
      ['checks', 'rate<1', 0],
      ['vus', 'value<1', 0],
      ['vus', 'avg<1', 1],
      ['later', 'avg<1', 0],
      ['constructor', 'avg<1', 0],
      ['m{', 'avg<', 2],
    ] as const)
      expect(thresholdFaults(key, expression, typeOf), `${key} ${expression}`).toHaveLength(faults);
  });

  it('names what the type has', () => {
    expect(fits(read('avg<1'), 'gauge')).toBe('"avg<1": a gauge has value, not avg');
  });
});

describe('evaluateThresholds', () => {
  it('judges merged metrics, and fails without data', () => {
    const set = new SeriesSet();
    for (let ms = 1; ms <= 100; ms += 1)
      set.trend('http_req_duration', { name: ms > 90 ? 'slow' : 'fast' }).addUs(ms * 1_000);
    set.counter('http_reqs', {}).add(50);
    set.counter('iterations', {});
    set.trend('mine', {}).add(Number.NaN);
    set.gauge('vus', {}).add(1, 0);
    const results = evaluateThresholds(
      set,
      [
        spec('http_req_duration', 'max<=100'),
        spec('http_req_duration{name:slow}', 'min<91'),
        spec('http_reqs', 'rate==5'),
        spec('http_req_duration{name:none}', 'max<9999'),
        spec('iterations', 'count<1'),
        spec('mine', 'avg<1'),
        spec('http_reqs', 'avg<9999'),
        spec('vus', 'max<9999'),
        spec('http_reqs', 'nonsense'),
        spec('bad{', 'count>0'),
      ],
      10,
    );
    expect(results.map(({ ok, value }) => [ok, value])).toEqual([
      [true, 100],
      [false, 91],
      [true, 5],
      ...Array.from({ length: 7 }, () => [false, undefined]),
    ]);
  });

  it('aborts for data only, and only after the delay', () => {
    const set = new SeriesSet();
    set.counter('http_reqs', {}).add(1);
    const results = evaluateThresholds(
      set,
      [
        spec('iterations', 'count>0', true),
        spec('http_reqs', 'count>5', false),
        spec('http_reqs', 'count>0', true),
        spec('http_reqs', 'count>9', true, 2_000),
      ],
      1,
    );
    expect(abortingThreshold(results, 1_999)).toBeUndefined();
    expect(abortingThreshold(results, 2_000)?.spec.expression).toBe('count>9');
  });
});

describe('isTrendStat', () => {
  it('knows the statistics of a trend', () => {
    for (const name of ['count', 'avg', 'p(0)', 'p(99.99)', 'p(100)']) expect(isTrendStat(name)).toBe(true);
    for (const name of ['', 'sum', 'p(101)', 'p95', 'p(-1)', 'constructor']) expect(isTrendStat(name)).toBe(false);
  });
});
