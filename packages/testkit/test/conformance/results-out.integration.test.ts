import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Plain } from './support/client.js';
import { Stage } from './support/stage.js';
import { until } from './support/wait.js';

let stage: Stage;
let run_id: string;
let agent_id: string;

/** Sixteen rows, in this order. */
const ROWS: readonly Plain[] = [
  { data_type: 'startTestRun' },
  ...Array.from({ length: 4 }, (_, each) => [
    { data_type: 'startTest', test: 't', each },
    { data_type: 'add_hit', url: `http://${each % 2}/`, method: 'GET', status: 200, started: 's', elapsed: 0.5 },
    { data_type: 'addSuccess', test: 't' },
  ]).flat(),
  { data_type: 'addFailure', test: 't', exc_info: ['AssertionError', 'no', 'trace'] },
  { data_type: 'addError', test: 't', exc_info: ['ValueError', 'boom', 'trace'] },
  { data_type: 'stopTestRun' },
];

/** One run with known rows, over when the cases look at it: here they are kept, in the original they are gone. */
beforeAll(async () => {
  stage = await Stage.open();
  const agent = await stage.agent();
  ({ run_id } = await stage.run(1, { fqn: 'a' }));
  agent_id = agent.id;
  const worker = stage.push('receiver');
  for (const row of ROWS) await worker.send(JSON.stringify({ ...row, agent_id, run_id }));
  await until('rows', async () => (await stage.counts(run_id)).stopTestRun === 1);
  await agent.hears('RUN');
  agent.workers = {};
  await stage.isOver(run_id);
});
afterAll(() => stage.close());

const kinds = (rows: readonly Plain[]): unknown[] => rows.map(({ data_type }) => data_type);

describe('CTRL_GET_DATA', () => {
  it('answers all rows, the oldest first, also after the end, where the original has dropped them', async () => {
    expect(kinds(await stage.rows(run_id))).toEqual(kinds(ROWS));
  });

  it('answers each row with everything that came in it, its agent and its run', async () => {
    const [, , hit] = await stage.rows(run_id);
    expect(hit).toMatchObject({ ...ROWS[2], agent_id, run_id });
  });

  it('with a data_type answers rows of that kind only', async () => {
    const rows = await stage.rows(run_id, { data_type: 'startTest' });
    expect(rows.map(({ data_type, each }) => [data_type, each])).toEqual(
      [0, 1, 2, 3].map((each) => ['startTest', each]),
    );
  });

  it('with a data_type that only begins like one answers none', async () => {
    expect(await stage.rows(run_id, { data_type: 'start' })).toEqual([]);
  });

  it('with groupby answers equal rows once, with how many there are', async () => {
    const rows = await stage.rows(run_id, { data_type: 'add_hit', groupby: true });
    expect(rows.map(({ url, count }) => [url, count]).sort()).toEqual([
      ['http://0/', 2],
      ['http://1/', 2],
    ]);
  });

  it('with groupby keeps rows apart that differ in anything', async () => {
    const rows = await stage.rows(run_id, { data_type: 'startTest', groupby: true });
    expect(rows.map(({ each, count }) => [each, count]).sort()).toEqual([0, 1, 2, 3].map((each) => [each, 1]));
  });

  it('with groupby over everything counts every row', async () => {
    const rows = await stage.rows(run_id, { groupby: true });
    expect(rows.reduce((sum, { count }) => sum + Number(count), 0)).toBe(ROWS.length);
  });

  it('with start leaves out so many', async () => {
    expect(kinds(await stage.rows(run_id, { start: 13 }))).toEqual(kinds(ROWS).slice(13));
  });

  it('with size answers so many, from the first on', async () => {
    expect(kinds(await stage.rows(run_id, { size: 3 }))).toEqual(kinds(ROWS).slice(0, 3));
  });

  it('with both answers a page', async () => {
    expect(kinds(await stage.rows(run_id, { start: 4, size: 5 }))).toEqual(kinds(ROWS).slice(4, 9));
  });

  it('takes numbers as text for both, where the original has a fault for size', async () => {
    expect(kinds(await stage.rows(run_id, { start: '4', size: '5' }))).toEqual(kinds(ROWS).slice(4, 9));
  });

  it('counts a page after the filter, where the original counts before it and misses rows', async () => {
    const rows = await stage.rows(run_id, { data_type: 'startTest', start: 1, size: 2 });
    expect(rows.map(({ each }) => each)).toEqual([1, 2]);
  });

  it('beyond the end answers an empty list', async () => {
    expect(await stage.rows(run_id, { start: 1_000 })).toEqual([]);
    expect(await stage.rows(run_id, { size: 0 })).toEqual([]);
  });

  it('takes null for a field that is not given', async () => {
    expect(await stage.rows(run_id, { data_type: null, groupby: null, start: null, size: null })).toHaveLength(
      ROWS.length,
    );
  });

  it('of a run that nobody knows answers an empty list', async () => {
    expect(await stage.client.ask('CTRL_GET_DATA', { run_id: 'nobody' })).toEqual({ result: [] });
  });

  it('is GET_DATA in the words of the oldest generation', async () => {
    const rows = await stage.client.result<Plain[]>('GET_DATA', { run_id, data_type: 'addError', groupby: false });
    expect(kinds(rows)).toEqual(['addError']);
  });

  it('page by page answers every row once', async () => {
    const rows: Plain[] = [];
    for (let start = 0; ; start += 3) {
      const page = await stage.rows(run_id, { start, size: 3 });
      rows.push(...page);
      if (page.length < 3) break;
    }
    expect(kinds(rows)).toEqual(kinds(ROWS));
  });
});

describe('CTRL_GET_COUNTS', () => {
  it('answers how many of each kind there are', async () => {
    expect(await stage.counts(run_id)).toEqual({
      startTestRun: 1,
      startTest: 4,
      add_hit: 4,
      addSuccess: 4,
      addFailure: 1,
      addError: 1,
      stopTestRun: 1,
    });
  });

  it('of a run that nobody knows answers an empty object', async () => {
    expect(await stage.client.ask('CTRL_GET_COUNTS', { run_id: 'nobody' })).toEqual({ result: {} });
  });

  it('is GET_COUNTS in the words of the oldest generation', async () => {
    expect(await stage.client.result('GET_COUNTS', { run_id })).toEqual(await stage.counts(run_id));
  });
});

describe('CTRL_GET_URLS', () => {
  it('answers how often each URL was hit', async () => {
    expect(await stage.client.result('CTRL_GET_URLS', { run_id })).toEqual({ 'http://0/': 2, 'http://1/': 2 });
  });

  it('of a run that nobody knows answers an empty object', async () => {
    expect(await stage.client.ask('CTRL_GET_URLS', { run_id: 'nobody' })).toEqual({ result: {} });
  });

  it('is GET_URLS without CTRL_ as well', async () => {
    expect(await stage.client.result('GET_URLS', { run_id })).toEqual({ 'http://0/': 2, 'http://1/': 2 });
  });
});

describe('CTRL_GET_ERRORS', () => {
  it('answers failures and errors, which the original has in its database only', async () => {
    const errors = await stage.client.result<Plain[]>('CTRL_GET_ERRORS', { run_id });
    expect(errors.map(({ data_type, exc_info }) => [data_type, exc_info])).toEqual([
      ['addFailure', ['AssertionError', 'no', 'trace']],
      ['addError', ['ValueError', 'boom', 'trace']],
    ]);
  });

  it('answers a page of them', async () => {
    const errors = await stage.client.result<Plain[]>('CTRL_GET_ERRORS', { run_id, start: 1, size: 5 });
    expect(kinds(errors)).toEqual(['addError']);
  });
});
