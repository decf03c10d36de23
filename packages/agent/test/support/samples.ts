import { encodeNative, SAMPLE_COLUMNS } from '@muster/protocol';

/** A batch of raw rows as a worker makes it; every number of a row is its value. */
export const samplesOf = (rows: readonly { readonly value: number; readonly failed: boolean }[]): Buffer =>
  encodeNative({
    rows: rows.length,
    columns: SAMPLE_COLUMNS.map(({ name, type }) => {
      const width = type === 'f64' ? 8 : type === 'u8' ? 1 : 4;
      const data = Buffer.alloc(rows.length * width);
      for (const [row, { value, failed }] of rows.entries()) {
        if (type === 'f64') data.writeDoubleLE(value, row * 8);
        else if (type === 'u8') data.writeUInt8(failed ? 1 : 0, row);
        else if (type === 'i32') data.writeInt32LE(value, row * 4);
        else data.writeUInt32LE(value, row * 4);
      }
      return { name, type, data, ...(type === 'dict' ? { values: ['a'] } : {}) };
    }),
  });
