import type { Catalogue } from './catalogue.js';
import { LocalStore } from './local-store.js';
import { REPLAYED, replayPage } from './replay-rows.js';
import { type DecodedBatch, marksOf, type RunBook } from './run-book.js';
import type {
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
import { eventRow, type Row, rowsOf, sampleValue, TABLES, type TableName } from './tables.js';

/** A run's tables as arrays. */
export class MemoryBook implements RunBook {
  readonly #tables = new Map<TableName, Row[]>();
  readonly #streams = new Map<string, StoredStream>();

  async commit(batches: readonly DecodedBatch[]): Promise<void> {
    for (const batch of batches) {
      const { rows, samples } = rowsOf(batch);
      for (const [table, added] of rows) this.#table(table).push(...added);
      if (samples === null) continue;
      const table = this.#table('samples');
      for (let row = 0; row < samples.count; row += 1)
        table.push([samples.agent, samples.worker, ...samples.columns.map((column) => sampleValue(column, row))]);
    }
    for (const mark of marksOf(batches)) this.#streams.set(mark.stream, mark);
  }

  async streams(): Promise<readonly StoredStream[]> {
    return [...this.#streams.values()];
  }

  async *replay(): AsyncIterable<ReplayPage> {
    for (const table of REPLAYED) yield replayPage(table, this.#table(table));
  }

  async query(table: QueryTable, start: number, size: number): Promise<QueryPage> {
    const all = this.#table(table);
    const rows = all.slice(start, start + size);
    const columns = TABLES[table].map(([name], index) => ({ name, values: rows.map((row) => row[index] ?? null) }));
    return { table, start, rows: rows.length, total: all.length, columns };
  }

  async addEvents(events: readonly StoredEvent[]): Promise<void> {
    this.#table('events').push(...events.map(eventRow));
  }

  async close(): Promise<void> {
    // Nothing is held open; the arrays stay for the next opening.
  }

  #table(name: TableName): Row[] {
    let table = this.#tables.get(name);
    if (table === undefined) {
      table = [];
      this.#tables.set(name, table);
    }
    return table;
  }
}

/** The catalogue of these. */
export class MemoryCatalogue implements Catalogue {
  readonly #runs = new Map<string, RunRecord>();
  readonly #summaries = new Map<string, StoredSummary>();

  async putRun(record: RunRecord): Promise<void> {
    this.#runs.set(record.info.id, record);
  }
  async runs(limit: number): Promise<readonly RunRecord[]> {
    return [...this.#runs.values()].sort((a, b) => (a.info.id < b.info.id ? 1 : -1)).slice(0, limit);
  }
  async run(id: string): Promise<RunRecord | null> {
    return this.#runs.get(id) ?? null;
  }
  async putSummary(run: string, summary: StoredSummary): Promise<void> {
    this.#summaries.set(run, summary);
  }
  async summary(run: string): Promise<StoredSummary | null> {
    return this.#summaries.get(run) ?? null;
  }
  async close(): Promise<void> {
    // Nothing is held open.
  }
}

const SILENT: StoreHealth = { failed: () => undefined, recovered: () => undefined };

/** A store that forgets everything with the process: for tests. */
export const openMemoryStore = (
  options: {
    readonly health?: StoreHealth;
    readonly openBook?: (run: string) => Promise<RunBook>;
    readonly retryMs?: number;
  } = {},
): Store => {
  const books = new Map<string, MemoryBook>();
  const openBook = async (run: string): Promise<RunBook> => {
    const book = books.get(run) ?? new MemoryBook();
    books.set(run, book);
    return book;
  };
  return new LocalStore({
    catalogue: new MemoryCatalogue(),
    openBook: options.openBook ?? openBook,
    health: options.health ?? SILENT,
    times: { commitMs: 1, ...(options.retryMs === undefined ? {} : { retryMs: options.retryMs }) },
  });
};
