import {
  BIGINT,
  BLOB,
  blobValue,
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBType,
  type DuckDBValue,
  INTEGER,
  LIST,
  listValue,
  UINTEGER,
  UTINYINT,
  VARCHAR,
} from '@duckdb/node-api';
import type { QueryValue } from '../store.js';
import type { ColumnKind, Columns } from '../tables.js';

/** Rows of a chunk in DuckDB: its vector size, fixed when it is built. */
const CHUNK_ROWS = 2_048;

const TYPES: Readonly<Record<ColumnKind, DuckDBType>> = {
  text: VARCHAR,
  double: DOUBLE,
  integer: BIGINT,
  uint32: UINTEGER,
  int32: INTEGER,
  uint8: UTINYINT,
  doubles: LIST(DOUBLE),
  bytes: BLOB,
};

/** A column's type as DuckDB's SQL names it. */
export const sqlType = (kind: ColumnKind): string => TYPES[kind].toString();

/** A value as the appender of its column wants it. */
const toDuck = (kind: ColumnKind, value: QueryValue): DuckDBValue => {
  if (value === null) return null;
  switch (kind) {
    case 'integer':
      return BigInt(Math.trunc(Number(value)));
    case 'doubles':
      return listValue([...(value as readonly number[])]);
    case 'bytes':
      return blobValue(value as Uint8Array);
    default:
      return value as string | number;
  }
};

/** Appends rows in whole chunks, column by column. */
export const appendRows = async (
  connection: DuckDBConnection,
  table: string,
  columns: Columns,
  count: number,
  valueAt: (column: number, row: number) => QueryValue,
): Promise<void> =>
  await appendChunks(connection, table, columns, count, (chunk, start, rows) => {
    for (const [index, [, kind]] of columns.entries()) {
      const vector = chunk.getColumnVector(index);
      for (let row = 0; row < rows; row += 1) vector.setItem(row, toDuck(kind, valueAt(index, start + row)));
      vector.flush();
    }
  });

/** Appends chunks that `fill` fills with the rows from `start` on. */
export const appendChunks = async (
  connection: DuckDBConnection,
  table: string,
  columns: Columns,
  count: number,
  fill: (chunk: DuckDBDataChunk, start: number, rows: number) => void,
): Promise<void> => {
  if (count === 0) return;
  const appender = await connection.createAppender(table);
  const types = columns.map(([, kind]) => TYPES[kind]);
  for (let start = 0; start < count; start += CHUNK_ROWS) {
    const rows = Math.min(CHUNK_ROWS, count - start);
    const chunk = DuckDBDataChunk.create(types, rows);
    fill(chunk, start, rows);
    appender.appendDataChunk(chunk);
  }
  appender.flushSync();
  appender.closeSync();
};
