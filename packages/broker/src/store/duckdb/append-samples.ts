import type { DuckDBConnection } from '@duckdb/node-api';
import duckdb, { type Vector } from '@duckdb/node-bindings';
import type { SampleColumn } from '../../results/decode-batch.js';
import { type BatchRows, sampleValue, TABLES } from '../tables.js';
import { appendChunks } from './append-rows.js';

/**
 * Appends requests. There are thousands a second, so no cell is touched where a column can be given as a whole: numbers
 * lie in arrays as DuckDB wants them, and a text that is the same in all rows is said once.
 */
export const appendSamples = async (
  connection: DuckDBConnection,
  { agent, worker, count, columns }: NonNullable<BatchRows['samples']>,
): Promise<void> =>
  await appendChunks(connection, 'samples', TABLES.samples, count, ({ chunk }, start, rows) => {
    duckdb.vector_reference_value(duckdb.data_chunk_get_vector(chunk, 0), duckdb.create_varchar(agent));
    duckdb.vector_reference_value(duckdb.data_chunk_get_vector(chunk, 1), duckdb.create_int64(BigInt(worker)));
    for (const [index, column] of columns.entries())
      fill(duckdb.data_chunk_get_vector(chunk, index + 2), column, start, rows);
  });

const fill = (vector: Vector, column: SampleColumn, start: number, rows: number): void => {
  if (column.type === 'number') {
    const { buffer, byteOffset, BYTES_PER_ELEMENT: width } = column.values;
    duckdb.copy_data_to_vector(vector, 0, buffer as ArrayBuffer, byteOffset + start * width, rows * width);
    return;
  }
  if (isSame(column.index, start, rows)) {
    duckdb.vector_reference_value(vector, duckdb.create_varchar(String(sampleValue(column, start))));
    return;
  }
  for (let row = 0; row < rows; row += 1)
    duckdb.vector_assign_string_element(vector, row, String(sampleValue(column, start + row)));
};

const isSame = (index: Uint32Array, start: number, rows: number): boolean => {
  const first = index[start];
  for (let row = start + 1; row < start + rows; row += 1) if (index[row] !== first) return false;
  return true;
};
