import { parentPort, workerData } from 'node:worker_threads';
import { MusterError } from '@muster/protocol';
import { openDuckdbStore } from '../duckdb/open-duckdb-store.js';
import type { ReplayPage, Store } from '../store.js';
import { storeError } from '../store-error.js';
import type { ThreadData, ThreadNews, ThreadOrder } from './messages.js';

const serve = async (): Promise<void> => {
  const port = parentPort;
  if (port === null) throw new MusterError('INTERNAL', 'the store thread was started as a program');
  const tell = (news: ThreadNews) => port.postMessage(news);
  const { folder } = workerData as ThreadData;
  const store = await openDuckdbStore(folder, {
    failed: (code, message) => tell({ news: 'failed', code, message }),
    recovered: () => tell({ news: 'recovered' }),
  });
  const replays = new Map<number, AsyncIterator<ReplayPage>>();
  port.on('message', (order: ThreadOrder) => {
    void perform(store, replays, order).then(
      (result) => {
        tell({ news: 'answer', id: order.id, result });
        if (order.do === 'close') port.close();
      },
      (thrown) => tell({ news: 'error', id: order.id, error: storeError(thrown).toWire() }),
    );
  });
  tell({ news: 'ready' });
};

const perform = async (
  store: Store,
  replays: Map<number, AsyncIterator<ReplayPage>>,
  order: ThreadOrder,
): Promise<unknown> => {
  switch (order.do) {
    case 'append':
      return await store.append({ header: order.header, payload: order.payload });
    case 'ask':
      return await (store[order.what] as (...args: unknown[]) => Promise<unknown>).apply(store, [...order.args]);
    case 'replay': {
      const pages = replays.get(order.cursor) ?? store.replay(order.run)[Symbol.asyncIterator]();
      replays.set(order.cursor, pages);
      const page = await pages.next();
      if (page.done === true) replays.delete(order.cursor);
      return page.done === true ? null : page.value;
    }
    case 'close':
      return await store.close();
  }
};

await serve();
