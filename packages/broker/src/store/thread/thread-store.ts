import { Worker } from 'node:worker_threads';
import { MusterError } from '@muster/protocol';
import type { RowStore } from '../rows/row-store.js';
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
import type { QuestionArgs, QuestionResult, StoreQuestion, ThreadData } from './messages.js';
import { ThreadLink } from './thread-link.js';
import { ThreadRows } from './thread-rows.js';

export interface ThreadStoreOptions {
  readonly folder: string;
  readonly health: StoreHealth;
  /** Bytes that may wait to be stored before `room` makes the receiver wait. */
  readonly queueBytes: number;
  /** A built-in store, or the URL of a module. @default 'duckdb' */
  readonly store?: string;
  readonly options?: Readonly<Record<string, string>>;
  /** Rows of runs of the original stay when they are over. @default true */
  readonly keepRows?: boolean;
}

/** The thread runs what was built: from sources, the build beside them. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/store-thread.js' : './store-thread.js',
  import.meta.url,
);

/** The embedded store in a thread of its own, so that neither DuckDB nor decoding rows holds up a socket. */
export class ThreadStore implements Store {
  /** Rows of the original, in the same thread. */
  readonly rows: RowStore;
  readonly #link: ThreadLink;
  #closing: Promise<void> | null = null;

  private constructor(link: ThreadLink) {
    this.#link = link;
    this.rows = new ThreadRows(link);
  }

  /**
   * @throws MusterError `STORE_FAILED` when the folder's files can't be opened (another process holds them, say),
   * `BAD_CONFIG` for a module that is no store.
   */
  static async open(options: ThreadStoreOptions): Promise<ThreadStore> {
    const { folder, store = 'duckdb', options: ofStore = {}, keepRows = true } = options;
    const data: ThreadData = { folder, store, options: ofStore, keepRows };
    const worker = new Worker(ENTRY, { workerData: data, name: 'store', execArgv: [] });
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve());
      worker.once('error', (thrown) => reject(thrownByThread(thrown)));
    });
    worker.removeAllListeners('error');
    return new ThreadStore(new ThreadLink(worker, options.health, options.queueBytes));
  }

  get queuedBytes(): number {
    return this.#link.queue.bytes;
  }
  room(): Promise<void> {
    return this.#link.queue.room();
  }

  async append({ header, payload }: AppendedBatch): Promise<Appended> {
    // A frame of zeromq lies in memory that can't be moved to another thread: one copy, then it moves.
    const moved = Uint8Array.from(payload);
    const bytes = moved.byteLength;
    this.#link.queue.add(bytes);
    try {
      return (await this.#link.send(
        (id) => ({ do: 'append', id, header, payload: moved }),
        [moved.buffer],
      )) as Appended;
    } finally {
      this.#link.queue.remove(bytes);
    }
  }

  replay(run: string): AsyncIterable<ReplayPage> {
    return this.#link.pages({ what: 'replay', args: [run] }) as AsyncIterable<ReplayPage>;
  }

  streams(run: string): Promise<readonly StoredStream[]> {
    return this.#ask('streams', run);
  }
  query(run: string, table: QueryTable, start: number, size: number, signal?: AbortSignal): Promise<QueryPage> {
    return this.#link.query([run, table, start, size], signal);
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
    this.#closing ??= this.#link.close();
    return this.#closing;
  }

  async #ask<W extends StoreQuestion>(what: W, ...args: QuestionArgs<W>): Promise<QuestionResult<W>> {
    return (await this.#link.send((id) => ({ do: 'ask', id, what, args }))) as QuestionResult<W>;
  }
}

/** What a thread throws comes over as a plain error: the code is in its text. */
const thrownByThread = (thrown: unknown): MusterError => {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const found = /^\[([A-Z_]+)\] (.*)$/s.exec(text);
  const [, code = '', message = text] = found ?? [];
  return found === null ? MusterError.from(thrown, 'STORE_FAILED') : MusterError.fromWire({ code, message });
};
