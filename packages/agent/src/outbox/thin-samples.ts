import { BOUNDS, decodeNative, encodeNative, SAMPLE_COLUMNS, SamplesPayload } from '@muster/protocol';

/** Bytes of a value per column type; `dict` columns hold u32 indices. */
const WIDTHS = { f64: 8, i32: 4, u32: 4, u8: 1, dict: 4 } as const;
const FAILED = SAMPLE_COLUMNS.findIndex((column) => column.name === 'failed');

/**
 * A batch of raw rows with only one row in `keepOneIn` left, evenly, and every failed one besides; null when no row is
 * left. `Infinity` keeps the failed ones only. Bytes that are no rows are given back as they are: the broker names them.
 */
export const thinSamples = (bytes: Uint8Array, keepOneIn: number): Uint8Array | null => {
  if (keepOneIn <= 1) return bytes;
  const samples = read(bytes);
  const failed = samples?.columns[FAILED]?.data;
  if (samples === null || failed === undefined) return bytes;
  const kept: number[] = [];
  for (let row = 0; row < samples.rows; row += 1) {
    if (failed[row] === 1 || (Number.isFinite(keepOneIn) && row % keepOneIn === 0)) kept.push(row);
  }
  if (kept.length === 0) return null;
  return encodeNative({
    rows: kept.length,
    columns: samples.columns.map((column) => ({ ...column, data: pick(column.data, WIDTHS[column.type], kept) })),
  });
};

const read = (bytes: Uint8Array): SamplesPayload | null => {
  try {
    // What this very agent's worker made may be over the wire's bound: then it is thinned so that it fits.
    return decodeNative(SamplesPayload, bytes, BOUNDS.resultBytes * 64);
  } catch {
    return null;
  }
};

const pick = (data: Uint8Array, width: number, rows: readonly number[]): Uint8Array => {
  const out = Buffer.alloc(rows.length * width);
  for (const [at, row] of rows.entries()) out.set(data.subarray(row * width, (row + 1) * width), at * width);
  return out;
};

/** Thins a batch of raw rows until it fits the receiver's bound for one message. */
export const fitSamples = (bytes: Uint8Array, maxBytes: number): Uint8Array | null => {
  if (bytes.byteLength <= maxBytes) return bytes;
  const thinned = thinSamples(bytes, Math.ceil((bytes.byteLength / maxBytes) * 1.25));
  return thinned !== null && thinned.byteLength <= maxBytes ? thinned : null;
};
