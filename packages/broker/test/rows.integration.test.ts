import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '../src/store/store.js';
import { ThreadStore } from '../src/store/thread/thread-store.js';
import { describeRows, type RowsOptions } from './describe-rows.js';
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
