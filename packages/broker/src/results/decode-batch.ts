import type { SeriesSnapshot } from '@muster/metrics';
import {
  type BatchHeader,
  BOUNDS,
  type Column,
  decodeNative,
  EndPayload,
  MusterError,
  SAMPLE_COLUMNS,
  SamplesPayload,
  WindowPayload,
} from '@muster/protocol';
import { z } from 'zod';

/** A window with its series checked. */
export type SealedWindow = Omit<WindowPayload, 'series'> & { readonly series: readonly SeriesSnapshot[] };

/** A column of rows in an array of its own: numbers, or texts. */
export type SampleColumn =
  | {
      readonly name: string;
      readonly type: 'number';
      readonly values: Float64Array | Int32Array | Uint32Array | Uint8Array;
    }
  | { readonly name: string; readonly type: 'text'; readonly index: Uint32Array; readonly texts: readonly string[] };

/** What a batch holds. A `hole` is a batch whose bytes make no sense: it is named, and its number taken all the same. */
export type BatchContent =
  | { readonly kind: 'window'; readonly window: SealedWindow }
  | { readonly kind: 'samples'; readonly rows: number; readonly columns: readonly SampleColumn[] }
  | { readonly kind: 'end'; readonly end: EndPayload }
  | { readonly kind: 'hole'; readonly why: string };

const Snapshot = z.strictObject({
  metric: z.string().min(1).max(256),
  type: z.enum(['counter', 'gauge', 'rate', 'trend']),
  contains: z.enum(['default', 'time', 'data']),
  unit: z.enum(['us', 'fixed']),
  tags: z.record(z.string().max(1_024), z.string().max(1_024)),
  values: z.array(z.number()).max(4),
  histogram: z.instanceof(Uint8Array).optional(),
});
const Snapshots = z.array(Snapshot);

/** Reads the payload of a batch; never throws: what does not fit is a hole. */
export const decodeBatch = (kind: BatchHeader['kind'], payload: Uint8Array): BatchContent => {
  try {
    switch (kind) {
      case 'window': {
        const { series, ...rest } = decodeNative(WindowPayload, payload, BOUNDS.resultBytes);
        return { kind, window: { ...rest, series: readSeries(series) } };
      }
      case 'samples': {
        const { rows, columns } = decodeNative(SamplesPayload, payload, BOUNDS.resultBytes);
        return { kind, rows, columns: SAMPLE_COLUMNS.map((wanted) => readColumn(wanted, columns, rows)) };
      }
      case 'end':
        return { kind, end: decodeNative(EndPayload, payload, BOUNDS.resultBytes) };
    }
  } catch (thrown) {
    return { kind: 'hole', why: MusterError.from(thrown, 'BAD_MESSAGE').message.slice(0, 1_000) };
  }
};

const readSeries = (series: readonly Record<string, unknown>[]): readonly SeriesSnapshot[] => {
  const checked = Snapshots.safeParse(series);
  if (checked.success) return checked.data as SeriesSnapshot[];
  const [first] = checked.error.issues;
  throw new MusterError('BAD_MESSAGE', `a series does not fit: ${first?.path.join('.')}: ${first?.message}`);
};

const WIDTH = { f64: 8, i32: 4, u32: 4, u8: 1, dict: 4 } as const;

const readColumn = (
  wanted: (typeof SAMPLE_COLUMNS)[number],
  columns: readonly Column[],
  rows: number,
): SampleColumn => {
  const { name } = wanted;
  const column = columns.find((each) => each.name === name);
  if (column === undefined || column.type !== wanted.type)
    throw new MusterError('BAD_MESSAGE', `the column ${name} is missing or not of type ${wanted.type}`);
  if (column.data.byteLength !== rows * WIDTH[wanted.type])
    throw new MusterError('BAD_MESSAGE', `the column ${name} has ${column.data.byteLength} bytes for ${rows} rows`);
  // What arrived lies anywhere in a larger buffer: a typed array needs its own, aligned.
  const { buffer } = Uint8Array.from(column.data);
  switch (column.type) {
    case 'f64':
      return { name, type: 'number', values: new Float64Array(buffer) };
    case 'i32':
      return { name, type: 'number', values: new Int32Array(buffer) };
    case 'u32':
      return { name, type: 'number', values: new Uint32Array(buffer) };
    case 'u8':
      return { name, type: 'number', values: new Uint8Array(buffer) };
    case 'dict': {
      const index = new Uint32Array(buffer);
      for (const at of index)
        if (at >= column.values.length)
          throw new MusterError('BAD_MESSAGE', `the column ${name} points past its texts`);
      return { name, type: 'text', index, texts: column.values };
    }
  }
};
