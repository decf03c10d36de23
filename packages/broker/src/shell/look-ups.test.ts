import { MusterError, type RunId } from '@muster/protocol';
import { describe, expect, it } from 'vitest';
import { openMemoryStore } from '../store/memory-store.js';
import type { QueryPage, Store } from '../store/store.js';
import { LookUps } from './look-ups.js';

const RUN = '0190a0b0-0000-7000-8000-000000000001' as RunId;
const QUERY = { type: 'query', id: 'q1', run: RUN, table: 'samples', start: 0, size: 10 } as const;
const PAGE: QueryPage = { table: 'samples', start: 0, rows: 0, total: 0, columns: [] };

interface Begun {
  readonly signal: AbortSignal;
  readonly answer: (page: QueryPage) => void;
}

/** A store that answers when it is told to, and the answers that went out. */
const stage = (queryMs = 60_000) => {
  const begun: Begun[] = [];
  const answers: string[] = [];
  const query: Store['query'] = (_run, _table, _start, _size, signal) =>
    new Promise((answer) => {
      if (signal !== undefined) begun.push({ signal, answer });
    });
  const store = Object.assign(openMemoryStore(), { query, run: async () => ({ info: { id: RUN }, detail: null }) });
  const lookUps = new LookUps({
    store,
    queryRows: 100,
    queryMs,
    reply: (client, id) => answers.push(`${client} ${id} answered`),
    fail: (client, id, error) => answers.push(`${client} ${id} ${error.code}`),
  });
  const ask = (client = 'c') => lookUps.begin(client, QUERY, []);
  return { lookUps, ask, begun, answers };
};

describe('a question to the store', () => {
  it('is answered once, also when it is asked again meanwhile', async () => {
    const { ask, begun, answers } = stage();
    const first = ask();
    await ask();
    await expect.poll(() => begun.length).toBe(1);
    begun[0]?.answer(PAGE);
    await first;
    expect(answers).toEqual(['c q1 answered']);
  });

  it('that its client gives up is stopped in the store and not answered; the same of another client goes on', async () => {
    const { lookUps, ask, begun, answers } = stage();
    const [mine, other] = [ask('mine'), ask('other')];
    await expect.poll(() => begun.length).toBe(2);
    lookUps.giveUp('mine', 'q1');
    lookUps.giveUp('mine', 'no such question');
    await mine;
    expect(begun.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    begun[1]?.answer(PAGE);
    await other;
    expect(answers).toEqual(['other q1 answered']);
  });

  it('is stopped when its time is over, and that is its answer', async () => {
    const { ask, begun, answers } = stage(1);
    await ask();
    expect(answers).toEqual(['c q1 TIMEOUT']);
    expect(MusterError.from(begun[0]?.signal.reason).message).toContain('longer than 1 ms');
  });
});
