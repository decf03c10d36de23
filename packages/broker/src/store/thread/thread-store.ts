import { Worker } from 'node:worker_threads';
import { MusterError, type WireError } from '@muster/protocol';
import { QueueMeter } from '../queue-meter.js';
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
} from '../store.js';
import type { QuestionArgs, QuestionResult, StoreQuestion, ThreadData, ThreadNews, ThreadOrder } from './messages.js';

export interface ThreadStoreOptions {
  readonly folder: string;
  readonly health: StoreHealth;
  /** Bytes that may wait to be stored before `room` makes the receiver wait. */
  readonly queueBytes: number;
}

/** The thread runs what was built: from sources, the build beside them. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/store-thread.js' : './store-thread.js',
  import.meta.url,
);

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: MusterError) => void;
}

/** The embedded store in a thread of its own, so that neither DuckDB nor decoding rows holds up a socket. */
export class ThreadStore implements Store {
  readonly #worker: Worker;
  readonly #health: StoreHealth;
  readonly #queue: QueueMeter;
  readonly #pending = new Map<number, Pending>();
  readonly #gone: Promise<void>;
  #next = 0;
  #dead: MusterError | null = null;
  #closing: Promise<void> | null = null;

  private constructor(worker: Worker, options: ThreadStoreOptions) {
    this.#worker = worker;
    this.#health = options.health;
    this.#queue = new QueueMeter(options.queueBytes);
    this.#gone = new Promise((resolve) => worker.once('exit', () => resolve()));
    worker.on('message', (news: ThreadNews) => this.#hear(news));
    worker.on('error', (thrown) => this.#die(MusterError.from(thrown, 'STORE_FAILED')));
    worker.once('exit', () => this.#die(new MusterError('CLOSED', 'the store is closed')));
  }

  /** @throws MusterError `STORE_FAILED` when the folder's files can't be opened (another process holds them, say). */
  static async open(options: ThreadStoreOptions): Promise<ThreadStore> {
    const data: ThreadData = { folder: options.folder };
    const worker = new Worker(ENTRY, { workerData: data, name: 'store', execArgv: [] });
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve());
      worker.once('error', (thrown) => reject(MusterError.from(thrown, 'STORE_FAILED')));
    });
    worker.removeAllListeners('error');
    return new ThreadStore(worker, options);
  }

  get queuedBytes(): number {
    return this.#queue.bytes;
  }
  room(): Promise<void> {
    return this.#queue.room();
  }

  async append({ header, payload }: AppendedBatch): Promise<Appended> {
    // A frame of zeromq lies in memory that can't be moved to another thread: one copy, then it moves.
    const moved = Uint8Array.from(payload);
    const bytes = moved.byteLength;
    this.#queue.add(bytes);
    try {
      return (await this.#send((id) => ({ do: 'append', id, header, payload: moved }), [moved.buffer])) as Appended;
    } finally {
      this.#queue.remove(bytes);
    }
  }

  async *replay(run: string): AsyncIterable<ReplayPage> {
    const cursor = this.#next;
    for (;;) {
      const page = (await this.#send((id) => ({ do: 'replay', id, cursor, run }))) as ReplayPage | null;
      if (page === null) return;
      yield page;
    }
  }

  streams(run: string): Promise<readonly StoredStream[]> {
    return this.#ask('streams', run);
  }
  query(run: string, table: QueryTable, start: number, size: number): Promise<QueryPage> {
    return this.#ask('query', run, table, start, size);
  }
  addEvents(run: string, events: readonly StoredEvent[]): Promise<void> {
    return this.#ask('addEvents', run, events);
  }
  putRun(record: RunRecord): Promise<void> {
    return this.#ask('putRun', record);
  }
  runs(limit: number): Promise<readonly RunRecord[]> {
    return this.#ask('runs', limit);
  }
  run(id: string): Promise<RunRecord | null> {
    return this.#ask('run', id);
  }
  putSummary(run: string, summary: StoredSummary): Promise<void> {
    return this.#ask('putSummary', run, summary);
  }
  summary(run: string): Promise<StoredSummary | null> {
    return this.#ask('summary', run);
  }
  release(run: string): Promise<void> {
    return this.#ask('release', run);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#dead === null) await this.#send((id) => ({ do: 'close', id }));
    await this.#gone;
  }

  async #ask<W extends StoreQuestion>(what: W, ...args: QuestionArgs<W>): Promise<QuestionResult<W>> {
    return (await this.#send((id) => ({ do: 'ask', id, what, args }))) as QuestionResult<W>;
  }

  #send(order: (id: number) => ThreadOrder, moved: ArrayBuffer[] = []): Promise<unknown> {
    if (this.#dead !== null) return Promise.reject(this.#dead);
    const id = this.#next;
    this.#next += 1;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage(order(id), moved);
    });
  }

  #hear(news: ThreadNews): void {
    switch (news.news) {
      case 'answer':
        this.#take(news.id)?.resolve(news.result);
        return;
      case 'error':
        this.#take(news.id)?.reject(errorOf(news.error));
        return;
      case 'failed':
        this.#health.failed(news.code, news.message);
        return;
      case 'recovered':
        this.#health.recovered();
        return;
      case 'ready':
        return;
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  /** The thread is gone: nothing that waits will be answered any more. */
  #die(error: MusterError): void {
    if (this.#dead === null && error.code !== 'CLOSED') this.#health.failed('STORE_FAILED', error.message);
    this.#dead ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#queue.clear();
  }
}

const errorOf = (error: WireError): MusterError => MusterError.fromWire(error);
