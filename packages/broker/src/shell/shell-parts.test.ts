import type { RunInfo } from '@muster/protocol';
import { describe, expect, it } from 'vitest';
import { batch, headerOf, RUN, samplesPayload } from '../../test/batches.js';
import { runInfoOf } from '../../test/run-info.js';
import { openMemoryStore } from '../store/memory-store.js';
import { ClientBound } from './client-bound.js';
import { lookUp } from './look-up.js';
import { LoopLag } from './loop-lag.js';
import { RunHistory } from './run-history.js';

const OTHER = '01990000-0000-7000-8000-000000000009';

describe('the receiver', () => {
  it('waits while the loop lags, and goes on when it keeps up', async () => {
    const lag = new LoopLag(100);
    lag.tick(0);
    lag.tick(110);
    expect(lag.calm()).toBeUndefined();
    lag.tick(400);
    const calm = lag.calm();
    expect(calm).toBeDefined();
    lag.tick(500);
    await calm;
    expect(lag.calm()).toBeUndefined();
  });
});

describe('clients', () => {
  it('are bounded, and make room when they are gone', () => {
    let now = 0;
    const bound = new ClientBound(2, () => now);
    expect(['a', 'b', 'a', 'c'].map((client) => bound.admits(client))).toEqual([true, true, true, false]);
    now = 61_000;
    expect(bound.admits('c')).toBe(true);
  });
});

describe('a look into the store', () => {
  it('lists runs that go on before what is stored of them, the newest first', async () => {
    const store = openMemoryStore();
    await store.putRun({ info: runInfoOf(RUN), detail: null });
    const live = [runInfoOf(RUN, { state: 'stopping' }), runInfoOf(OTHER)];
    const runs = await lookUp({ type: 'runs', id: 'q', limit: 10 }, live, { store, queryRows: 10 });
    expect((runs as RunInfo[]).map(({ id, state }) => [id, state])).toEqual([
      [OTHER, 'running'],
      [RUN, 'stopping'],
    ]);
    await store.close();
  });

  it('cuts a page that is too large, and says how many rows it gave', async () => {
    const store = openMemoryStore();
    await store.putRun({ info: runInfoOf(RUN, { state: 'finished' }), detail: null });
    await store.append(batch(headerOf(0, { kind: 'samples' }), samplesPayload(60_000)));
    const question = { type: 'query', id: 'q', run: RUN, table: 'samples', size: 100_000 } as const;
    const [rows, again] = [{ start: 0 }, { start: 50_000 }].map(async ({ start }) => {
      const page = await lookUp({ ...question, start }, [], { store, queryRows: 60_000 });
      return page as { rows: number; total: number; columns: { values: unknown[] }[] };
    });
    expect(await again).toMatchObject({ rows: 10_000, total: 60_000 });
    const page = await rows;
    expect(page?.columns.every(({ values }) => values.length === page.rows)).toBe(true);
    await store.close();
  });

  it('does not find what is not there', async () => {
    const store = openMemoryStore();
    const asked = lookUp({ type: 'show', id: 'q', run: RUN }, [], { store, queryRows: 10 });
    await expect(asked).rejects.toMatchObject({ code: 'RUN_UNKNOWN' });
    await store.close();
  });
});

describe('the catalogue', () => {
  it('is written once per change, with the history beside it', async () => {
    const store = openMemoryStore();
    const history = new RunHistory(store, (_, thrown) => {
      throw thrown;
    });
    history.note(runInfoOf(RUN));
    history.note(runInfoOf(RUN));
    history.event(RUN, { kind: 'state', run: RUN, number: 1, state: 'running', text: 'go' }, 'now');
    await history.settled();
    expect((await store.run(RUN))?.info.state).toBe('running');
    const { columns } = await store.query(RUN, 'events', 0, 10);
    expect(columns.find(({ name }) => name === 'text')?.values).toEqual(['running: go']);
    await store.close();
  });
});
