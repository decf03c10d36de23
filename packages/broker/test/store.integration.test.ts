import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MemoryBook, openMemoryStore } from '../src/store/memory-store.js';
import type { Store } from '../src/store/store.js';
import { ThreadStore } from '../src/store/thread/thread-store.js';
import { RUN } from './batches.js';
import { describeStore } from './describe-store.js';

const health = { failed: () => undefined, recovered: () => undefined };
const openThread = (folder: string) => ThreadStore.open({ folder, health, queueBytes: 1_000_000 });

describeStore('the memory', async () => {
  const books = new Map<string, MemoryBook>();
  const openBook = async (run: string) => {
    const book = books.get(run) ?? new MemoryBook();
    books.set(run, book);
    return book;
  };
  const store = openMemoryStore({ openBook });
  return {
    store,
    // Its catalogue goes with the process, so it is not closed: only the books are opened again.
    reopen: async () => {
      await store.release(RUN);
      return store;
    },
    dispose: () => store.close(),
  };
});

describeStore('the DuckDB', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'muster-store-'));
  let store: Store = await openThread(folder);
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await openThread(folder);
      return store;
    },
    dispose: async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
});

describe('a store that is killed', () => {
  it('holds everything that it acknowledged, and nothing twice', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'muster-kill-'));
    try {
      let acknowledged = -1;
      for (let life = 0; life < 4; life += 1) {
        const child = fork(new URL('./store-writer.mjs', import.meta.url), [folder, String(acknowledged + 1)], {
          execArgv: [],
        });
        const target = acknowledged + 12 + life * 7;
        await new Promise<void>((resolve, reject) => {
          child.on('message', (number) => {
            acknowledged = Math.max(acknowledged, Number(number));
            if (acknowledged >= target) child.kill('SIGKILL');
          });
          child.once('exit', (_, signal) =>
            signal === 'SIGKILL' ? resolve() : reject(new Error('the writer ended by itself')),
          );
        });
        const store = await openThread(folder);
        const [stream] = await store.streams(RUN);
        const highWater = stream?.highWater ?? -1;
        expect(highWater).toBeGreaterThanOrEqual(acknowledged);
        const seconds: number[] = [];
        for await (const page of store.replay(RUN)) seconds.push(...page.seconds.map(({ second }) => second));
        expect(seconds).toEqual(Array.from({ length: Math.ceil((highWater + 1) / 2) }, (_, n) => n * 2));
        const samples = await store.query(RUN, 'samples', 0, 1);
        expect(samples.total).toBe(Math.floor((highWater + 1) / 2) * 500);
        await store.close();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
