import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { GroupedRow, PieceInfo, RowGrouping, RowsBook, RowsCommit } from '../rows/rows-book.js';
import type { QueryValue } from '../store.js';
import type { Columns } from '../tables.js';
import { appendRows } from './append-rows.js';
import { DUCKDB_SETTINGS } from './run-file.js';

const COUNTS = [
  ['commit', 'integer'],
  ['kind', 'text'],
  ['weight', 'double'],
] as const satisfies Columns;
const URLS = [
  ['url', 'text'],
  ['hits', 'double'],
] as const satisfies Columns;
const ERRORS = [['body', 'text']] as const satisfies Columns;
const PIECES = [
  ['number', 'integer'],
  ['kinds', 'text'],
  ['body', 'bytes'],
] as const satisfies Columns;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS counts("commit" BIGINT, kind VARCHAR, weight DOUBLE);
  CREATE TABLE IF NOT EXISTS urls(url VARCHAR, hits DOUBLE);
  CREATE TABLE IF NOT EXISTS errors(body VARCHAR)`;

/**
 * Pieces lie in tables of about this size, `rows_0`, `rows_1` and so on: DuckDB writes a table's last rows anew at each
 * checkpoint, however large they are.
 */
const TABLE_BYTES = 16 * 1_024 * 1_024;
/**
 * A commit with so much in pieces goes to the file at once, into a table of its own: by way of the log everything would be
 * written twice, and what lies in the table already once more. A checkpoint costs the same however little there is, so less
 * than this goes to the log first.
 */
const AT_ONCE_BYTES = 6 * 1_024 * 1_024;
const CHECKPOINT_AT = { log: '16MB', once: '1B' } as const;
/** Pieces that are listed in one step. */
const LISTED = 500;
/** Counts of URLs are added up when so many have gathered. */
const URL_ROWS = 200_000;

interface PieceTable {
  readonly number: number;
  /** Of the first piece in it; those of the next table are larger than any here. */
  readonly first: number;
}

/** One run of the original in a DuckDB file. What it throws is DuckDB's own error; after one, open it again. */
export class RowsFile implements RowsBook {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  #tables: readonly PieceTable[] = [];
  #nextPiece = 1;
  /** In the last table. */
  #bytes = Number.POSITIVE_INFINITY;
  #urlRows = 0;
  #groupings = 0;
  #way: keyof typeof CHECKPOINT_AT = 'log';

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  static async open(path: string): Promise<RowsFile> {
    const instance = await DuckDBInstance.create(path, DUCKDB_SETTINGS);
    try {
      const connection = await instance.connect();
      await connection.run(SCHEMA);
      // Whenever a commit is followed by a checkpoint anyway, that alone makes it durable.
      await connection.run('SET auto_checkpoint_skip_wal_threshold = 0');
      const file = new RowsFile(instance, connection);
      await file.#look();
      return file;
    } catch (thrown) {
      instance.closeSync();
      throw thrown;
    }
  }

  async written(): Promise<number> {
    return await this.#number('SELECT coalesce(max("commit"), 0)::DOUBLE FROM counts');
  }

  async commit({ number, pieces, counts, urls, errors }: RowsCommit): Promise<void> {
    const bytes = pieces.reduce((sum, piece) => sum + piece.bytes.byteLength, 0);
    await this.#go(bytes < AT_ONCE_BYTES ? 'log' : 'once');
    await this.#connection.run('BEGIN');
    if (pieces.length > 0) await this.#appendPieces(pieces, bytes);
    await this.#append(
      'counts',
      COUNTS,
      [...counts].map(([kind, weight]) => [number, kind, weight]),
    );
    await this.#append('urls', URLS, [...urls]);
    this.#urlRows += urls.size;
    if (this.#urlRows > URL_ROWS) {
      await this.#connection.run(
        'CREATE OR REPLACE TABLE urls AS SELECT url, sum(hits)::DOUBLE AS hits FROM urls GROUP BY url',
      );
      // As many as there are URLs stay: add up again when as many more have come.
      this.#urlRows = Math.min(0, URL_ROWS - (await this.#number('SELECT count(*)::DOUBLE FROM urls')));
    }
    await this.#append(
      'errors',
      ERRORS,
      errors.map((body) => [body]),
    );
    await this.#connection.run('COMMIT');
  }

  async counts(): Promise<ReadonlyMap<string, number>> {
    return await this.#sums('SELECT kind, sum(weight)::DOUBLE FROM counts GROUP BY kind ORDER BY min(rowid)');
  }
  async urls(): Promise<ReadonlyMap<string, number>> {
    return await this.#sums('SELECT url, sum(hits)::DOUBLE FROM urls GROUP BY url ORDER BY min(rowid)');
  }

  async index(after: number): Promise<readonly PieceInfo[]> {
    for (const table of this.#from(after + 1)) {
      const rows = await this.#rows(
        `SELECT number::DOUBLE, kinds FROM rows_${table.number} WHERE number > $1 ORDER BY number LIMIT ${LISTED}`,
        [BigInt(after)],
      );
      if (rows.length > 0)
        return rows.map(([number, kinds]) => ({
          number: Number(number),
          kinds: new Map(Object.entries(JSON.parse(String(kinds)) as Record<string, number>)),
        }));
    }
    return [];
  }

  async piece(number: number): Promise<Uint8Array | null> {
    const [table] = this.#from(number);
    if (table === undefined) return null;
    const [row] = await this.#rows(`SELECT body FROM rows_${table.number} WHERE number = $1`, [BigInt(number)]);
    return row?.[0] instanceof Uint8Array ? row[0] : null;
  }

  async errorCount(): Promise<number> {
    return await this.#number('SELECT count(*)::DOUBLE FROM errors');
  }
  async errors(start: number, size: number): Promise<readonly string[]> {
    // Errors are never deleted, so `rowid` is dense.
    const rows = await this.#rows('SELECT body FROM errors WHERE rowid >= $1 AND rowid < $2 ORDER BY rowid', [
      BigInt(start),
      BigInt(start + size),
    ]);
    return rows.map(([body]) => String(body));
  }

  async summarise(errors: AsyncIterable<readonly string[]>): Promise<void> {
    await this.#connection.run('BEGIN');
    for await (const texts of errors)
      await this.#append(
        'errors',
        ERRORS,
        texts.map((body) => [body]),
      );
    for (const { number } of this.#tables) await this.#connection.run(`DROP TABLE rows_${number}`);
    await this.#connection.run('COMMIT');
    await this.#look();
    // Only now the file becomes smaller.
    await this.#connection.run('CHECKPOINT');
  }

  async grouping(): Promise<RowGrouping> {
    const table = `grouping_${this.#groupings}`;
    this.#groupings += 1;
    await this.#connection.run(`CREATE TEMP TABLE ${table}(place BIGINT, body VARCHAR)`);
    return new Grouping(this.#connection, table);
  }

  async close(): Promise<void> {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  /** Which tables of pieces there are. */
  async #look(): Promise<void> {
    const names = await this.#rows(
      `SELECT substr(table_name, 6)::INTEGER AS n FROM duckdb_tables() WHERE table_name LIKE 'rows\\_%' ESCAPE '\\' ORDER BY n`,
    );
    const tables: PieceTable[] = [];
    this.#nextPiece = 1;
    this.#bytes = Number.POSITIVE_INFINITY;
    for (const [n] of names) {
      const [row] = await this.#rows(`SELECT min(number)::DOUBLE, max(number)::DOUBLE FROM rows_${Number(n)}`);
      tables.push({ number: Number(n), first: Number(row?.[0] ?? this.#nextPiece) });
      this.#nextPiece = Number(row?.[1] ?? this.#nextPiece - 1) + 1;
    }
    this.#tables = tables;
    const last = tables.at(-1)?.number;
    if (last !== undefined)
      this.#bytes = await this.#number(`SELECT coalesce(sum(octet_length(body)), 0)::DOUBLE FROM rows_${last}`);
    this.#urlRows = await this.#number('SELECT count(*)::DOUBLE FROM urls');
  }

  /** Tables that can hold this piece or later ones. */
  #from(piece: number): readonly PieceTable[] {
    let at = this.#tables.length - 1;
    while (at > 0 && (this.#tables[at]?.first ?? 0) > piece) at -= 1;
    return this.#tables.slice(Math.max(0, at));
  }

  async #go(way: keyof typeof CHECKPOINT_AT): Promise<void> {
    if (way === this.#way) return;
    await this.#connection.run(`SET checkpoint_threshold = '${CHECKPOINT_AT[way]}'`);
    this.#way = way;
  }

  async #appendPieces(pieces: RowsCommit['pieces'], bytes: number): Promise<void> {
    if (this.#bytes > (this.#way === 'once' ? 0 : TABLE_BYTES)) {
      const number = (this.#tables.at(-1)?.number ?? -1) + 1;
      await this.#connection.run(`CREATE TABLE rows_${number}(number BIGINT, kinds VARCHAR, body BLOB)`);
      this.#tables = [...this.#tables, { number, first: this.#nextPiece }];
      this.#bytes = 0;
    }
    await this.#append(
      `rows_${this.#tables.at(-1)?.number ?? 0}`,
      PIECES,
      pieces.map(({ kinds, bytes }, index) => [
        this.#nextPiece + index,
        JSON.stringify(Object.fromEntries(kinds)),
        bytes,
      ]),
    );
    this.#nextPiece += pieces.length;
    this.#bytes += bytes;
  }

  #append(table: string, columns: Columns, rows: readonly (readonly QueryValue[])[]): Promise<void> {
    return appendRows(this.#connection, table, columns, rows.length, (column, row) => rows[row]?.[column] ?? null);
  }

  async #sums(sql: string): Promise<ReadonlyMap<string, number>> {
    return new Map((await this.#rows(sql)).map(([name, sum]) => [String(name), Number(sum)]));
  }
  async #number(sql: string): Promise<number> {
    return Number((await this.#rows(sql))[0]?.[0] ?? 0);
  }
  async #rows(sql: string, values: bigint[] = []): Promise<readonly (readonly unknown[])[]> {
    return (await this.#connection.runAndReadAll(sql, values)).getRowsJS();
  }
}

/** Equal rows in a table that DuckDB moves to disk when it grows. */
class Grouping implements RowGrouping {
  readonly #connection: DuckDBConnection;
  readonly #table: string;
  #added = 0;
  #counted = false;

  constructor(connection: DuckDBConnection, table: string) {
    this.#connection = connection;
    this.#table = table;
  }

  async add(texts: readonly string[]): Promise<void> {
    const first = this.#added;
    this.#added += texts.length;
    await appendRows(
      this.#connection,
      this.#table,
      [
        ['place', 'integer'],
        ['body', 'text'],
      ],
      texts.length,
      (column, row) => (column === 0 ? first + row : (texts[row] ?? '')),
    );
  }

  async page(start: number, size: number): Promise<readonly GroupedRow[]> {
    if (!this.#counted)
      await this.#connection.run(
        `CREATE OR REPLACE TEMP TABLE ${this.#table} AS
         SELECT body, count(*) AS times FROM ${this.#table} GROUP BY body ORDER BY min(place)`,
      );
    this.#counted = true;
    const reader = await this.#connection.runAndReadAll(
      `SELECT body, times::DOUBLE FROM ${this.#table} WHERE rowid >= $1 AND rowid < $2 ORDER BY rowid`,
      [BigInt(start), BigInt(start + size)],
    );
    return reader.getRowsJS().map(([body, times]) => ({ text: String(body), count: Number(times) }));
  }

  async close(): Promise<void> {
    await this.#connection.run(`DROP TABLE IF EXISTS ${this.#table}`);
  }
}
