import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { REPLAYED, replayPage } from '../replay-rows.js';
import { type DecodedBatch, marksOf, type RunBook } from '../run-book.js';
import type { QueryPage, QueryTable, QueryValue, ReplayPage, StoredEvent, StoredStream } from '../store.js';
import { type Columns, eventRow, type Row, rowsOf, TABLES, type TableName } from '../tables.js';
import { appendRows, sqlType } from './append-rows.js';
import { appendSamples } from './append-samples.js';

/** One thread and a bounded cache per file: many runs may be open at a time. */
export const DUCKDB_SETTINGS = { threads: '1', memory_limit: '256MB' } as const;
const REPLAY_ROWS = 5_000;

const SCHEMA = [
  ...Object.entries(TABLES).map(
    ([table, columns]: readonly [string, Columns]) =>
      `CREATE TABLE IF NOT EXISTS ${table}(${columns.map(([name, kind]) => `"${name}" ${sqlType(kind)}`).join(', ')})`,
  ),
  'CREATE TABLE IF NOT EXISTS streams(stream VARCHAR PRIMARY KEY, agent VARCHAR, high_water BIGINT, closed BOOLEAN)',
].join('; ');

/** One run's DuckDB file. What it throws is DuckDB's own error; after one, the file is to be opened again. */
export class RunFile implements RunBook {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  static async open(path: string): Promise<RunFile> {
    const instance = await DuckDBInstance.create(path, DUCKDB_SETTINGS);
    try {
      const connection = await instance.connect();
      await connection.run(SCHEMA);
      return new RunFile(instance, connection);
    } catch (thrown) {
      instance.closeSync();
      throw thrown;
    }
  }

  async commit(batches: readonly DecodedBatch[]): Promise<void> {
    const parts = batches.map(rowsOf);
    await this.#transaction(async () => {
      for (const table of Object.keys(TABLES) as TableName[]) {
        if (table !== 'samples')
          await this.#append(
            table,
            parts.flatMap((part) => part.rows.flatMap(([name, rows]) => (name === table ? rows : []))),
          );
      }
      for (const { samples } of parts) if (samples !== null) await appendSamples(this.#connection, samples);
      for (const mark of marksOf(batches)) {
        await this.#connection.run(
          `INSERT INTO streams VALUES ($1, $2, $3, $4)
           ON CONFLICT (stream) DO UPDATE SET high_water = excluded.high_water, closed = excluded.closed`,
          [mark.stream, mark.agent, BigInt(mark.highWater), mark.closed],
        );
      }
    });
  }

  async streams(): Promise<readonly StoredStream[]> {
    const rows = await this.#rows('SELECT stream, agent, high_water::DOUBLE, closed FROM streams ORDER BY stream');
    return rows.map(([stream, agent, highWater, closed]) => ({
      stream: String(stream),
      agent: String(agent),
      highWater: Number(highWater),
      closed: closed === true,
    }));
  }

  async *replay(): AsyncIterable<ReplayPage> {
    for (const table of REPLAYED) {
      for (let start = 0; ; start += REPLAY_ROWS) {
        const rows = await this.#page(table, start, REPLAY_ROWS);
        if (rows.length > 0) yield replayPage(table, rows);
        if (rows.length < REPLAY_ROWS) break;
      }
    }
  }

  async query(table: QueryTable, start: number, size: number, signal?: AbortSignal): Promise<QueryPage> {
    const stop = () => this.#connection.interrupt();
    signal?.addEventListener('abort', stop);
    try {
      const [count] = await this.#rows(`SELECT count(*)::DOUBLE FROM ${table}`);
      signal?.throwIfAborted();
      const rows = await this.#page(table, start, size);
      return pageOf(table, start, rows, Number(count?.[0] ?? 0));
    } finally {
      // Before anything else is done on this connection: what is stored must not be interrupted.
      signal?.removeEventListener('abort', stop);
    }
  }

  async addEvents(events: readonly StoredEvent[]): Promise<void> {
    await this.#transaction(() => this.#append('events', events.map(eventRow)));
  }

  async close(): Promise<void> {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  #append(table: TableName, rows: readonly Row[]): Promise<void> {
    return appendRows(
      this.#connection,
      table,
      TABLES[table],
      rows.length,
      (column, row) => rows[row]?.[column] ?? null,
    );
  }

  async #transaction(work: () => Promise<void>): Promise<void> {
    await this.#connection.run('BEGIN');
    await work();
    await this.#connection.run('COMMIT');
  }

  /** Rows in the order in which they were stored: rows are never deleted, so `rowid` is dense. */
  async #page(table: TableName, start: number, size: number): Promise<readonly Row[]> {
    const columns = (TABLES[table] as Columns)
      .map(([name, kind]) => (kind === 'integer' ? `"${name}"::DOUBLE` : `"${name}"`))
      .join(', ');
    return await this.#rows(`SELECT ${columns} FROM ${table} WHERE rowid >= $1 AND rowid < $2 ORDER BY rowid`, [
      BigInt(start),
      BigInt(start + size),
    ]);
  }

  async #rows(sql: string, values: (string | bigint)[] = []): Promise<readonly Row[]> {
    const reader = await this.#connection.runAndReadAll(sql, values);
    return reader.getRowsJS() as QueryValue[][];
  }
}

const pageOf = (table: QueryTable, start: number, rows: readonly Row[], total: number): QueryPage => ({
  table,
  start,
  rows: rows.length,
  total,
  columns: TABLES[table].map(([name], index) => ({ name, values: rows.map((row) => row[index] ?? null) })),
});
