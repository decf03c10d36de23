import type { ResultRow } from '@muster/client';
import colors from 'picocolors';
import { describe, expect, it } from 'vitest';
import { externalLoad } from './external-load.js';
import { Totals } from './totals.js';
import { exitCodeOfTotals, totalsReport, totalsText } from './totals-report.js';

const plain = colors.createColors(false);
const FACTS = { run: 'r', name: './go', startedAt: '2026-11-24T04:00:00.000Z', durationMs: 2_000 };
const status = { loads_status: [2, 1, 1, 1] };
const hit = (url: string, elapsed: number, code = 200): ResultRow => ({
  data_type: 'add_hit',
  agent_id: 'a',
  url,
  method: 'GET',
  status: code,
  started: '2026-11-24T04:00:00',
  elapsed,
  ...status,
});
const of = (rows: readonly ResultRow[]): Totals => {
  const totals = new Totals();
  for (const row of rows) totals.add(row);
  return totals;
};

describe('totals of a run of the original', () => {
  const test = 'test_a (shop.TestShop)';
  const error = { exc_info: ["<type 'ValueError'>", 'boom', '  File "x.py"'], test, ...status };
  const totals = of([
    { data_type: 'startTestRun', agent_id: 'a' },
    { data_type: 'startTest', test, ...status },
    hit('http://h/a', 0.1),
    hit('http://h/b', 0.3, 500),
    { data_type: 'addError', ...error },
    { data_type: 'addError', ...error },
    { data_type: 'addFailure', test, exc_info: null, ...status },
    { data_type: 'addSuccess', test: 'other', ...status },
    { data_type: 'stopTest', test, ...status },
    { data_type: 'socket_open' },
    { data_type: 'socket_message', size: 2_500 },
    { data_type: 'my-counter', test, agent_id: 'None' },
    { data_type: '__proto__' },
  ]);

  it('count as the broker does, and tell counters from kinds', () => {
    expect(totals.count('socket_message')).toBe(2_500);
    expect(totals.counters).toEqual({ 'my-counter': 1, ['__proto__']: 1 });
    expect([...totals.agents]).toEqual(['a']);
    expect(totals.bad).toBe(3);
  });

  it('fail a run with failures or errors, and one of which no program told is invalid', () => {
    expect(exitCodeOfTotals(totals)).toBe(99);
    expect(exitCodeOfTotals(of([hit('/', 0.1)]))).toBe(0);
    expect(exitCodeOfTotals(of([]))).toBe(120);
    const silent = of([
      { data_type: 'startTestRun', agent_id: 'a' },
      { data_type: 'stopTestRun', agent_id: 'a' },
    ]);
    expect(exitCodeOfTotals(silent)).toBe(120);
    expect(totalsText(FACTS, silent, plain)).toContain('invalid: no row came from the program');
  });

  it('are a report by test, equal problems counted', () => {
    const { cases } = totalsReport(FACTS, totals);
    expect(cases).toMatchObject([
      {
        group: 'shop.TestShop',
        name: test,
        problems: [
          { kind: 'error', type: "<type 'ValueError'>", message: 'boom', count: 2 },
          { kind: 'failure', count: 1 },
        ],
      },
      { group: 'tests', name: 'other', problems: [] },
    ]);
  });

  it('read well: slowest URL first, most common problem first', () => {
    const text = totalsText(FACTS, totals, plain);
    expect(text).toContain('hits ........... 2  1/s');
    expect(text).toContain('1 successes, 1 failures, 2 errors');
    expect(text).toContain('my-counter ..... 1');
    expect(text.indexOf('http://h/b')).toBeLessThan(text.indexOf('http://h/a'));
    expect(text).toContain('http://h/b  1 hits, avg 300ms, 0.00% fine');
    expect(text).toContain('2 x error in test_a (shop.TestShop): <type \'ValueError\'>: boom\n        File "x.py"');
  });
});

describe('the load of an external program', () => {
  it.each([
    [{}, { users: [1] }],
    [
      { users: '10:20', hits: '5' },
      { users: [10, 20], hits: [5] },
    ],
    [
      { vus: 3, duration: '1m30s' },
      { users: [3], durationS: 90 },
    ],
    [{ duration: '30' }, { users: [1], durationS: 30 }],
  ])('%j is %j', (flags, load) => {
    expect(externalLoad(flags)).toEqual(load);
  });

  it.each([
    { users: '10:' },
    { users: '0' },
    { users: '1', vus: 2 },
    { hits: '1', duration: '1' },
    { duration: '500ms' },
    { duration: 'soon' },
    { duration: '1x' },
  ])('%j is refused', (flags) => {
    expect(() => externalLoad(flags)).toThrow('BAD_CONFIG');
  });
});
