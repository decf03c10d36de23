import { parentPort, workerData } from 'node:worker_threads';
import { MusterError } from '@muster/protocol';
import { LocalStore } from '../local-store.js';
import { openBackend } from '../open-backend.js';
import { LocalRows } from '../rows/local-rows.js';
import type { RowStore } from '../rows/row-store.js';
import type { Store, StoreHealth } from '../store.js';
import { storeError } from '../store-error.js';
import type { PagedQuestion, ThreadData, ThreadNews, ThreadOrder } from './messages.js';
import { OrderQueue } from './order-queue.js';

/** What the thread serves. */
interface Served {
  readonly store: Store;
  readonly rows: RowStore;
  readonly pages: Map<number, AsyncIterator<unknown>>;
  /** Those under way, by their order's id. */
  readonly queries: Map<number, AbortController>;
  tell(news: ThreadNews): void;
  close(): Promise<void>;
}

const serve = async (): Promise<void> => {
  const port = parentPort;
  if (port === null) throw new MusterError('INTERNAL', 'the store thread was started as a program');
  const tell = (news: ThreadNews, moved: ArrayBuffer[] = []) => port.postMessage(news, moved);
  const served = await open(workerData as ThreadData, tell);
  const queue = new OrderQueue((order) => {
    void perform(served, order).then(
      (result) => {
        tell({ news: 'answer', id: order.id, result }, result instanceof ArrayBuffer ? [result] : []);
        if (order.do === 'close') port.close();
      },
      (thrown) => tell({ news: 'error', id: order.id, error: storeError(thrown).toWire() }),
    );
  });
  port.on('message', (order: ThreadOrder) => {
    if (order.do === 'give-up') served.queries.get(order.id)?.abort();
    else queue.add(order);
  });
  tell({ news: 'ready' });
};

const open = async (data: ThreadData, tell: Served['tell']): Promise<Served> => {
  const health: StoreHealth = {
    failed: (code, message) => tell({ news: 'failed', code, message }),
    recovered: () => tell({ news: 'recovered' }),
  };
  const backend = await openBackend(data);
  const rows = await LocalRows.open({ backend, health, keepRows: data.keepRows });
  // What waits is bounded where it comes from.
  const store = new LocalStore({
    catalogue: backend.catalogue,
    openBook: (run) => backend.openBook(run),
    health,
    queueBytes: Number.POSITIVE_INFINITY,
  });
  const close = async () => {
    await rows.close();
    await store.close();
    await backend.close();
  };
  return { store, rows, pages: new Map(), queries: new Map(), tell, close };
};

const perform = async (served: Served, order: Exclude<ThreadOrder, { readonly do: 'give-up' }>): Promise<unknown> => {
  const { store, rows, pages, queries, tell } = served;
  switch (order.do) {
    case 'append':
      return await store.append({ header: order.header, payload: order.payload });
    case 'ask':
      return await (store[order.what] as (...args: unknown[]) => Promise<unknown>).apply(store, [...order.args]);
    case 'take': {
      const { heard, kept } = rows.take(order.group);
      kept.catch(() => undefined);
      tell({ news: 'heard', id: order.id, heard: await heard });
      return await kept;
    }
    case 'ask-rows':
      return await (rows[order.what] as (...args: unknown[]) => Promise<unknown>).apply(rows, [...order.args]);
    case 'page': {
      const list = pages.get(order.cursor) ?? begin(served, order.list);
      pages.set(order.cursor, list);
      try {
        const page = await list.next();
        if (page.done !== true) return page.value;
      } catch (thrown) {
        pages.delete(order.cursor);
        throw thrown;
      }
      pages.delete(order.cursor);
      return null;
    }
    case 'leave':
      await pages.get(order.cursor)?.return?.();
      pages.delete(order.cursor);
      return null;
    case 'query': {
      const ending = new AbortController();
      queries.set(order.id, ending);
      return await store.query(...order.args, ending.signal).finally(() => queries.delete(order.id));
    }
    case 'close':
      return await served.close();
  }
};

const begin = ({ store, rows }: Served, { what, args }: PagedQuestion): AsyncIterator<unknown> => {
  switch (what) {
    case 'replay':
      return store.replay(...args)[Symbol.asyncIterator]();
    case 'data':
      return rows.data(...args)[Symbol.asyncIterator]();
    case 'errors':
      return rows.errors(...args)[Symbol.asyncIterator]();
  }
};

await serve();
