import { join } from 'node:path';
import { machineMs } from '@muster/protocol';
import { BundleShelf } from '../bundles/bundle-shelf.js';
import { Journal } from '../journal/journal.js';
import type { Logger } from '../log.js';
import type { ResolvedBrokerOptions } from '../options/broker-options.js';
import type { RowStore } from '../store/rows/row-store.js';
import type { Store, StoreHealth } from '../store/store.js';
import { ThreadStore } from '../store/thread/thread-store.js';

/** What a data folder holds, opened. */
export interface State {
  readonly journal: Journal;
  readonly saved: Readonly<Record<string, unknown>>;
  readonly store: Store;
  /** Rows of the original, in the same store. */
  readonly rows: RowStore;
  readonly shelf: BundleShelf;
}

/** Opens everything in a data folder. `note` is told what concerns every run. */
export const openState = async (
  folder: string,
  options: ResolvedBrokerOptions,
  log: Logger,
  note: (text: string) => void,
): Promise<State> => {
  const healthOf = (what: string): StoreHealth => ({
    failed: (code, message) => {
      log.error({ code }, `${what} fails, and is tried again: ${message}`);
      note(`${what} fails, nothing is acknowledged until it works again: ${message}`);
    },
    recovered: () => {
      log.info(`${what} works again`);
      note(`${what} works again`);
    },
  });
  const store = await ThreadStore.open({
    folder,
    health: healthOf('the store'),
    queueBytes: options.limits.storeQueueBytes,
    store: options.store.store,
    options: options.store.options,
    keepRows: options.keepRows,
  });
  try {
    const opened = await Journal.open(join(folder, 'controller.journal'), healthOf('the journal'));
    if (opened.droppedBytes > 0)
      log.warn({ bytes: opened.droppedBytes }, 'the end of the journal was cut off by a crash, and is dropped');
    const shelf = await BundleShelf.open(join(folder, 'bundles'), options.limits.bundleBytes, machineMs);
    return { journal: opened.journal, saved: Object.fromEntries(opened.entries), store, rows: store.rows, shelf };
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
};
