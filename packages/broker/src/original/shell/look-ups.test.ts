import { BOUNDS, readQuestion } from '@muster/protocol';
import { describe, expect, it } from 'vitest';
import { openMemoryBackend } from '../../store/memory-backend.js';
import { LocalRows } from '../../store/rows/local-rows.js';
import { type LookUp, type LookUpSources, lookUpOriginal } from './look-ups.js';
import { StoredResults } from './stored-results.js';

const asked = (question: object): LookUp => readQuestion(Buffer.from(JSON.stringify(question))) as LookUp;
const sources = (results: StoredResults): LookUpSources => ({
  results,
  native: { find: async () => null, ids: async () => [] },
  feed: { boot: '00', snapshot: () => Promise.reject(new Error('nobody watches')) },
  isActive: (run) => run === 'active',
});
const health = { failed: () => undefined, recovered: () => undefined };
const make = async () => {
  const dropped: string[] = [];
  const port = {
    presence: () => ({ runOf: (agent: string) => (agent === '1' ? 'run' : null), sent: () => undefined }),
    dropped: (why: string) => void dropped.push(why),
    room: () => undefined,
  };
  const backend = await openMemoryBackend({ folder: '', options: {} });
  const again = async () => new StoredResults(await LocalRows.open({ backend, health, keepRows: true }), port);
  const results = await again();
  await results.open('run', { some: 'data' });
  const take = (row: object): void => {
    void results.take(Buffer.from(JSON.stringify(row)));
  };
  const ask = async (question: object) =>
    (
      JSON.parse((await lookUpOriginal(asked(question), sources(results))).toString()) as {
        result: unknown;
      }
    ).result;
  return { results, take, ask, dropped, again };
};

describe('what clients of the original ask of the results', () => {
  it('rows without a run belong to the run of their agent, others keep theirs', async () => {
    const { take, ask, dropped } = await make();
    take({ data_type: 'some', agent_id: '1' });
    take({ data_type: 'some', agent_id: 1, run_id: 'other' });
    take({ data_type: 'some', agent_id: '2' });
    take({ data_type: 'some', agent_id: '2', run_id: '../x' });
    expect(await ask({ command: 'CTRL_GET_DATA', run_id: 'run' })).toEqual([
      { data_type: 'some', agent_id: '1', run_id: 'run' },
    ]);
    // To read takes nothing away.
    expect(await ask({ command: 'CTRL_GET_DATA', run_id: 'run' })).toHaveLength(1);
    expect(await ask({ command: 'GET_COUNTS', run_id: 'other' })).toEqual({ some: 1 });
    expect(await ask({ command: 'CTRL_GET_RUNS' })).toEqual(['run', 'other']);
    expect(await ask({ command: 'CTRL_GET_METADATA', run_id: 'run' })).toEqual({ some: 'data', has_data: 1 });
    expect(dropped).toHaveLength(2);
  });

  it('pages are counted after the filter, and equal rows can be counted', async () => {
    const { take, ask } = await make();
    for (const kind of ['a', 'b', 'a', 'addError', 'a']) take({ data_type: kind, agent_id: '1', run_id: 'run' });
    const data = (fields: object) => ask({ command: 'CTRL_GET_DATA', run_id: 'run', ...fields });
    expect(await data({ data_type: 'a', start: '1', size: '1' })).toHaveLength(1);
    expect(await data({ data_type: 'a', groupby: true })).toEqual([
      { data_type: 'a', agent_id: '1', run_id: 'run', count: 3 },
    ]);
    expect(await ask({ command: 'CTRL_GET_ERRORS', run_id: 'run', start: 0, size: 5 })).toHaveLength(1);
  });

  it('secrets among the arguments are shown to nobody', async () => {
    const { ask } = await make();
    const fields = { observer_email_password: 'x', api_key: 'y', users: '1', observer_email_user: 'me' };
    await ask({ command: 'CTRL_UPDATE_METADATA', run_id: 'run', fields });
    expect(await ask({ command: 'CTRL_GET_METADATA', run_id: 'run' })).toEqual({
      some: 'data',
      observer_email_password: '***',
      api_key: '***',
      users: '1',
      observer_email_user: 'me',
    });
  });

  it('a run is deleted when it is over', async () => {
    const { ask, again } = await make();
    await expect(ask({ command: 'CTRL_DELETE_RUN', run_id: 'active' })).rejects.toThrow('not over');
    expect(await (await again()).metadata('run')).toEqual({ some: 'data' });
    await ask({ command: 'CTRL_DELETE_RUN', run_id: 'run' });
    expect(await (await again()).runs()).toEqual([]);
    expect(await ask({ command: 'CTRL_GET_METADATA', run_id: 'run' })).toEqual({});
  });

  it('an answer that would be too large is refused while it is put together', async () => {
    const { results } = await make();
    const row = JSON.stringify({ text: 'x'.repeat(1_000_000) });
    let pieces = 0;
    const endless = Object.create(results, {
      data: {
        value: async function* () {
          for (; pieces < 1_000; pieces += 1) yield [row];
        },
      },
    }) as StoredResults;
    const question = asked({ command: 'CTRL_GET_DATA', run_id: 'run' });
    await expect(lookUpOriginal(question, sources(endless))).rejects.toThrow('start and size');
    expect(pieces * row.length).toBeLessThan(BOUNDS.answerBytes + 2 * row.length);
  });
});
