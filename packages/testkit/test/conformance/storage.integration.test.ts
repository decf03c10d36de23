import { afterEach, describe, expect, it } from 'vitest';
import type { Plain } from './support/client.js';
import { Stage } from './support/stage.js';
import { until } from './support/wait.js';

let stage: Stage;
afterEach(() => stage.close());

/** A run with one error and so many rows of a kilobyte, over when it is given back. */
const overRun = async (rows: number): Promise<string> => {
  const agent = await stage.agent();
  const { run_id } = await stage.run(1, { fqn: 'x' });
  await agent.hears('RUN');
  const worker = stage.push('receiver');
  const test = 'x'.repeat(1_000);
  for (let each = 0; each < rows; each += 1)
    await worker.send(JSON.stringify({ data_type: 'startTest', agent_id: agent.id, run_id, test, each }));
  const exc_info = ['ValueError', 'boom', ''];
  await worker.send(JSON.stringify({ data_type: 'addError', agent_id: agent.id, run_id, test: 't', exc_info }));
  await until('all rows', async () => (await stage.counts(run_id)).addError === 1);
  agent.workers = {};
  await stage.isOver(run_id);
  await agent.unregister();
  await stage.listsNot(agent.id);
  return run_id;
};

describe('the store', () => {
  it('is named by the flags of the original, and lies where they say', async () => {
    stage = await Stage.open(
      '--db',
      'python',
      '--db-python-sync-delay',
      '500',
      '--db-python-max-size',
      '-1',
      '--io-threads',
      '1',
    );
    const run = await overRun(3);
    expect(await stage.rows(run)).toHaveLength(4);
  });

  it('drops rows at the end of a run when it is told to, and keeps counts, errors and metadata', async () => {
    stage = await Stage.open('--no-keep-rows');
    const run = await overRun(5);
    await until(
      'no rows',
      async () =>
        !('result' in (await stage.client.ask('CTRL_GET_DATA', { run_id: run }))) ||
        (await stage.rows(run)).length === 0,
    );
    expect(await stage.counts(run)).toEqual({ startTest: 5, addError: 1 });
    expect(await stage.metadata(run)).toMatchObject({ fqn: 'x', active: false });
    const errors = await stage.client.result<Plain[]>('CTRL_GET_ERRORS', { run_id: run });
    expect(errors.map(({ exc_info }) => exc_info)).toEqual([['ValueError', 'boom', '']]);
  });

  it('makes room for a new run by the oldest when it has grown too large', async () => {
    stage = await Stage.open('--db-duckdb-max-size', '1MB');
    const first = await overRun(3_000);
    const second = await overRun(10);
    const runs = await stage.client.result<string[]>('CTRL_GET_RUNS');
    expect(runs).not.toContain(first);
    expect(runs).toContain(second);
    expect(await stage.metadata(first)).toEqual({});
  });
});
