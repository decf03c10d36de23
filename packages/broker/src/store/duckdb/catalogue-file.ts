import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Catalogue } from '../catalogue.js';
import type { RunRecord, StoredSummary } from '../store.js';
import { DUCKDB_SETTINGS } from './run-file.js';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS runs(
    id VARCHAR PRIMARY KEY, name VARCHAR, state VARCHAR, verdict VARCHAR, exit_code INTEGER,
    submitted_at VARCHAR, started_at VARCHAR, ended_at VARCHAR, info VARCHAR, detail VARCHAR);
  CREATE TABLE IF NOT EXISTS summaries(run VARCHAR PRIMARY KEY, revision INTEGER, summary VARCHAR, handle_summary VARCHAR);
  CREATE TABLE IF NOT EXISTS originals(
    id VARCHAR PRIMARY KEY, number BIGINT, opened BOOLEAN, has_rows BOOLEAN, summarised BOOLEAN, active BOOLEAN,
    metadata VARCHAR)`;

type Value = string | number | boolean | null;

/** What other tables of the same file need. */
export interface CatalogueTables {
  put(table: string, values: Value[]): Promise<void>;
  rows(sql: string, values: Value[]): Promise<readonly (readonly unknown[])[]>;
}

interface Session {
  readonly instance: DuckDBInstance;
  readonly connection: DuckDBConnection;
}

/**
 * The catalogue of all runs, in a DuckDB file of its own. Run ids sort by age, so `ORDER BY id` is by age. After a failure
 * the file is opened again: DuckDB refuses everything on an instance whose disk has failed once.
 */
export class CatalogueFile implements Catalogue, CatalogueTables {
  readonly #path: string;
  #session: Session | null = null;
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(path: string) {
    this.#path = path;
  }

  static async open(path: string): Promise<CatalogueFile> {
    const file = new CatalogueFile(path);
    await file.#inTurn(async () => undefined);
    return file;
  }

  async putRun({ info, detail }: RunRecord): Promise<void> {
    await this.put('runs', [
      info.id,
      info.name,
      info.state,
      info.verdict,
      info.exitCode,
      info.submittedAt,
      info.startedAt,
      info.endedAt,
      JSON.stringify(info),
      JSON.stringify(detail ?? null),
    ]);
  }

  async runs(limit: number): Promise<readonly RunRecord[]> {
    const rows = await this.rows('SELECT info, detail FROM runs ORDER BY id DESC LIMIT $1', [limit]);
    return rows.map(recordOf);
  }

  async run(id: string): Promise<RunRecord | null> {
    const [row] = await this.rows('SELECT info, detail FROM runs WHERE id = $1', [id]);
    return row === undefined ? null : recordOf(row);
  }

  async putSummary(run: string, { revision, summary, handleSummary }: StoredSummary): Promise<void> {
    await this.put('summaries', [run, revision, JSON.stringify(summary), JSON.stringify(handleSummary)]);
  }

  async summary(run: string): Promise<StoredSummary | null> {
    const [row] = await this.rows('SELECT revision, summary, handle_summary FROM summaries WHERE run = $1', [run]);
    if (row === undefined) return null;
    const [revision, summary, handleSummary] = row;
    return {
      revision: Number(revision),
      summary: JSON.parse(String(summary)),
      handleSummary: JSON.parse(String(handleSummary)),
    };
  }

  async close(): Promise<void> {
    await this.#tail;
    this.#shut();
  }

  async put(table: string, values: Value[]): Promise<void> {
    const places = values.map((_, index) => `$${index + 1}`).join(', ');
    await this.#inTurn((connection) => connection.run(`INSERT OR REPLACE INTO ${table} VALUES (${places})`, values));
  }

  async rows(sql: string, values: Value[]): Promise<readonly (readonly unknown[])[]> {
    const reader = await this.#inTurn((connection) => connection.runAndReadAll(sql, values));
    return reader.getRowsJS();
  }

  /** One statement at a time on the one connection. */
  #inTurn<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const done = this.#tail.then(async () => {
      this.#session ??= await openSession(this.#path);
      try {
        return await work(this.#session.connection);
      } catch (thrown) {
        this.#shut();
        throw thrown;
      }
    });
    this.#tail = done.catch(() => undefined);
    return done;
  }

  #shut(): void {
    const session = this.#session;
    this.#session = null;
    session?.connection.closeSync();
    session?.instance.closeSync();
  }
}

const openSession = async (path: string): Promise<Session> => {
  const instance = await DuckDBInstance.create(path, DUCKDB_SETTINGS);
  try {
    const connection = await instance.connect();
    await connection.run(SCHEMA);
    return { instance, connection };
  } catch (thrown) {
    instance.closeSync();
    throw thrown;
  }
};

const recordOf = ([info, detail]: readonly unknown[]): RunRecord => ({
  info: JSON.parse(String(info)),
  detail: JSON.parse(String(detail)),
});
