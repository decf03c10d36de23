import { MusterError } from '@muster/protocol';
import type { Catalogue } from './catalogue.js';
import { QueueMeter } from './queue-meter.js';
import type { RunBook } from './run-book.js';
import { type LaneTimes, RunLane } from './run-lane.js';
import type {
  Appended,
  AppendedBatch,
  QueryPage,
  QueryTable,
  ReplayPage,
  RunRecord,
  Store,
  StoredEvent,
  StoredStream,
  StoredSummary,
  StoreHealth,
} from './store.js';
import { storeError } from './store-error.js';

export interface LocalStoreOptions {
  readonly catalogue: Catalogue;
  readonly openBook: (run: string) => Promise<RunBook>;
  readonly health: StoreHealth;
  /** @default 64 MiB */
  readonly queueBytes?: number;
  readonly times?: Partial<LaneTimes>;
}

const TIMES: LaneTimes = { commitMs: 100, retryMs: 1_000, idleMs: 30_000 };
const QUEUE_BYTES = 64 * 1_024 * 1_024;

/** A store whose books and catalogue are in this thread. */
export class LocalStore implements Store {
  readonly #options: LocalStoreOptions;
  readonly #lanes = new Map<string, RunLane>();
  readonly #queue: QueueMeter;
  #closed = false;

  constructor(options: LocalStoreOptions) {
    this.#options = options;
    this.#queue = new QueueMeter(options.queueBytes ?? QUEUE_BYTES);
  }

  get queuedBytes(): number {
    return this.#queue.bytes;
  }
  room(): Promise<void> {
    return this.#queue.room();
  }

  async append(batch: AppendedBatch): Promise<Appended> {
    const bytes = batch.payload.byteLength;
    this.#queue.add(bytes);
    try {
      return await this.#lane(batch.header.run).append(batch);
    } finally {
      this.#queue.remove(bytes);
    }
  }

  async streams(run: string): Promise<readonly StoredStream[]> {
    return await this.#lane(run).use((book) => book.streams());
  }

  async *replay(run: string): AsyncIterable<ReplayPage> {
    // Page by page, so that a long replay does not hold up what else the run needs.
    const pages = await this.#lane(run).use(async (book) => book.replay()[Symbol.asyncIterator]());
    for (;;) {
      const page = await this.#lane(run).use(() => pages.next());
      if (page.done === true) return;
      yield page.value;
    }
  }

  async query(run: string, table: QueryTable, start: number, size: number, signal?: AbortSignal): Promise<QueryPage> {
    try {
      return await this.#lane(run).use(async (book) => {
        signal?.throwIfAborted();
        return await book.query(table, start, size, signal);
      });
    } catch (thrown) {
      throw signal?.aborted === true ? signal.reason : thrown;
    }
  }
  async addEvents(run: string, events: readonly StoredEvent[]): Promise<void> {
    return await this.#lane(run).use((book) => book.addEvents(events));
  }
  putRun(record: RunRecord): Promise<void> {
    return this.#ask((catalogue) => catalogue.putRun(record));
  }
  runs(limit: number): Promise<readonly RunRecord[]> {
    return this.#ask((catalogue) => catalogue.runs(limit));
  }
  run(id: string): Promise<RunRecord | null> {
    return this.#ask((catalogue) => catalogue.run(id));
  }
  putSummary(run: string, summary: StoredSummary): Promise<void> {
    return this.#ask((catalogue) => catalogue.putSummary(run, summary));
  }
  summary(run: string): Promise<StoredSummary | null> {
    return this.#ask((catalogue) => catalogue.summary(run));
  }
  async release(run: string): Promise<void> {
    const lane = this.#lanes.get(run);
    if (lane !== undefined) await lane.release();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#lanes.values()].map((lane) => lane.close()));
    this.#lanes.clear();
    await this.#options.catalogue.close();
  }

  #lane(run: string): RunLane {
    if (this.#closed) throw new MusterError('CLOSED', 'the store is closed');
    let lane = this.#lanes.get(run);
    if (lane === undefined) {
      lane = new RunLane(() => this.#options.openBook(run), this.#options.health, { ...TIMES, ...this.#options.times });
      this.#lanes.set(run, lane);
    }
    return lane;
  }

  async #ask<T>(work: (catalogue: Catalogue) => Promise<T>): Promise<T> {
    if (this.#closed) throw new MusterError('CLOSED', 'the store is closed');
    try {
      return await work(this.#options.catalogue);
    } catch (thrown) {
      throw storeError(thrown);
    }
  }
}
