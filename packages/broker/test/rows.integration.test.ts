import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../src/store/store.js';
import { ThreadStore } from '../src/store/thread/thread-store.js';
import { describeRows, groupOf, type RowsOptions } from './describe-rows.js';
import { describeStore } from './describe-store.js';

const health = { failed: () => undefined, recovered: () => undefined };
const openThread = (store: string, folder: string, { keepRows = true, maxSize }: RowsOptions = {}) =>
  ThreadStore.open({
    folder,
    health,
    queueBytes: 1_000_000,
    store,
    keepRows,
    options: maxSize === undefined ? {} : { 'max-size': maxSize },
  });

/** Both built-in stores, and one that a module outside of the broker brings. */
const PLUG_IN = new URL('./plug-in-store.mjs', import.meta.url).href;

for (const [name, store, lasts] of [
  ['DuckDB', 'duckdb', true],
  ['memory', 'memory', false],
  ['third-party', PLUG_IN, false],
] as const)
  describeRows(name, async (options) => {
    const folder = await mkdtemp(join(tmpdir(), 'muster-rows-'));
    let thread = await openThread(store, folder, options);
    return {
      rows: thread.rows,
      reopen: lasts
        ? async () => {
            await thread.close();
            thread = await openThread(store, folder, options);
            return thread.rows;
          }
        : null,
      dispose: async () => {
        await thread.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  });

describeStore('a third-party', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'muster-rows-'));
  const store: Store = await openThread(PLUG_IN, folder);
  return {
    store,
    reopen: async () => store,
    dispose: async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
});

describe('rows of the original whose catalogue lost what it knew of them', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-rows-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('are there after the next start, before another row comes', async () => {
    const first = await openThread('duckdb', folder);
    for (const run of ['one', 'two']) {
      const rows = [1, 2, 3].map((n) => ({ data_type: 'mine', agent_id: 'a', run_id: run, n }));
      await first.rows.take(groupOf(rows)).kept;
    }
    await first.close();
    // As after a cut of power that took the end of its log, here all of it.
    for (const name of await readdir(folder)) if (name.startsWith('catalogue')) await rm(join(folder, name));

    const second = await openThread('duckdb', folder);
    expect(await second.rows.runs()).toEqual(['one', 'two']);
    expect(await second.rows.counts('one')).toEqual({ mine: 3 });
    expect(await second.rows.metadata('two')).toEqual({ has_data: 1 });
    await second.rows.delete('two');
    await second.close();

    const third = await openThread('duckdb', folder);
    expect(await third.rows.runs()).toEqual(['one']);
    await third.close();
  });
});
