import { describe, expect, it } from 'vitest';
import { RUN, windowBatch } from '../../test/batches.js';
import { MemoryBook, openMemoryStore } from './memory-store.js';
import type { DecodedBatch } from './run-book.js';
import type { Store } from './store.js';

/** A book whose next commits fail, before or after they were made. */
class FailingBook extends MemoryBook {
  failures: ('before' | 'after')[] = [];
  message = 'IO Error: Could not write file: No space left on device';

  override async commit(batches: readonly DecodedBatch[]): Promise<void> {
    const failure = this.failures.shift();
    if (failure === 'before') throw new Error(this.message);
    await super.commit(batches);
    if (failure === 'after') throw new Error(this.message);
  }
}

const secondsIn = async (store: Store): Promise<number[]> => {
  const seconds: number[] = [];
  for await (const page of store.replay(RUN)) seconds.push(...page.seconds.map(({ second }) => second));
  return seconds;
};

const open = (book: FailingBook, retryMs = 1) => {
  const told: string[] = [];
  const store = openMemoryStore({
    openBook: async () => book,
    retryMs,
    health: { failed: (code) => told.push(code), recovered: () => told.push('recovered') },
  });
  return { store, told };
};

describe('a run whose disk fails', () => {
  it('acknowledges nothing until it is stored, tells once, and stores all once the disk has room', async () => {
    const book = new FailingBook();
    book.failures = ['before', 'before', 'before'];
    const { store, told } = open(book);
    await Promise.all([0, 1, 2, 3].map((number) => store.append(windowBatch(number))));
    expect(told).toEqual(['DISK_FULL', 'recovered']);
    expect(await secondsIn(store)).toEqual([0, 1, 2, 3]);
    await store.close();
  });

  it('does not store twice what was on disk when the failure was reported', async () => {
    const book = new FailingBook();
    book.failures = ['after', 'before', 'after'];
    const { store } = open(book);
    await Promise.all([0, 1, 2].map((number) => store.append(windowBatch(number))));
    await store.append(windowBatch(3));
    expect(await secondsIn(store)).toEqual([0, 1, 2, 3]);
    await store.close();
  });

  it('gives up when it is closed meanwhile, and says so to whoever waits', async () => {
    const book = new FailingBook();
    book.failures = Array.from({ length: 1_000 }, () => 'before' as const);
    book.message = 'IO Error: broken';
    const { store, told } = open(book, 60_000);
    const lost = expect(store.append(windowBatch(0))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await expect.poll(() => told).toEqual(['STORE_FAILED']);
    await store.close();
    await lost;
  });
});
