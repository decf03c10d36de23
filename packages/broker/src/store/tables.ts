import { SAMPLE_COLUMNS } from '@muster/protocol';
import type { SampleColumn } from '../results/decode-batch.js';
import type { DecodedBatch } from './run-book.js';
import type { QueryValue, StoredEvent } from './store.js';

/** How a column is kept. Integers are at most 2^53. */
export type ColumnKind = 'text' | 'double' | 'integer' | 'uint32' | 'int32' | 'uint8' | 'doubles' | 'bytes';
export type Columns = readonly (readonly [name: string, kind: ColumnKind])[];

const ORIGIN = [
  ['stream', 'text'],
  ['number', 'integer'],
  ['agent', 'text'],
  ['worker', 'integer'],
] as const;

const SAMPLE_KINDS = { f64: 'double', i32: 'int32', u32: 'uint32', u8: 'uint8', dict: 'text' } as const;

/** The tables of a run, the same in every store. */
export const TABLES = {
  /** One row per series of a window; `numbers` are those of `SeriesSnapshot`. */
  windows: [
    ...ORIGIN,
    ['second', 'integer'],
    ['metric', 'text'],
    ['tags', 'text'],
    ['type', 'text'],
    ['contains', 'text'],
    ['unit', 'text'],
    ['numbers', 'doubles'],
    ['histogram', 'bytes'],
  ],
  /** One row per request. */
  samples: [
    ['agent', 'text'],
    ['worker', 'integer'],
    ...SAMPLE_COLUMNS.map(({ name, type }) => [name, SAMPLE_KINDS[type]] as const),
  ],
  errors: [
    ...ORIGIN,
    ['second', 'integer'],
    ['code', 'text'],
    ['message', 'text'],
    ['where', 'text'],
    ['scenario', 'text'],
    ['count', 'integer'],
    ['first_at_ms', 'double'],
    ['last_at_ms', 'double'],
  ],
  logs: [...ORIGIN, ['at_ms', 'double'], ['level', 'text'], ['message', 'text']],
  /** One row per window: that it is there, and how many rows it measured and kept. */
  seconds: [...ORIGIN, ['second', 'integer'], ['sealed_to_ms', 'double'], ['measured', 'integer'], ['kept', 'integer']],
  /** What agents say is missing. */
  gaps: [...ORIGIN, ['from_ms', 'double'], ['to_ms', 'double'], ['why', 'text']],
  /** Batches that could not be read. */
  holes: [...ORIGIN, ['why', 'text']],
  events: [
    ['number', 'integer'],
    ['at', 'text'],
    ['at_ms', 'double'],
    ['kind', 'text'],
    ['text', 'text'],
  ],
} as const satisfies Readonly<Record<string, Columns>>;
export type TableName = keyof typeof TABLES;
export type Row = readonly QueryValue[];

/** What a batch becomes: rows by table, and requests as columns. */
export interface BatchRows {
  readonly rows: readonly (readonly [table: Exclude<TableName, 'samples'>, rows: readonly Row[]])[];
  readonly samples: {
    readonly agent: string;
    readonly worker: number;
    readonly count: number;
    readonly columns: readonly SampleColumn[];
  } | null;
}

export const rowsOf = ({ header, content }: DecodedBatch): BatchRows => {
  const origin = [header.stream, header.number, header.agent, header.worker];
  switch (content.kind) {
    case 'hole':
      return { rows: [['holes', [[...origin, content.why]]]], samples: null };
    case 'end':
      return {
        rows: [
          [
            'gaps',
            content.end.gaps.map((gap) => [
              origin[0] as string,
              header.number,
              header.agent,
              gap.worker,
              gap.fromMs,
              gap.toMs,
              gap.why,
            ]),
          ],
        ],
        samples: null,
      };
    case 'samples':
      return {
        rows: [],
        samples: { agent: header.agent, worker: header.worker, count: content.rows, columns: content.columns },
      };
    case 'window': {
      const { window } = content;
      const { second } = window;
      return {
        rows: [
          ['seconds', [[...origin, second, window.sealedToMs, window.rows.measured, window.rows.kept]]],
          [
            'windows',
            window.series.map((each) => [
              ...origin,
              second,
              each.metric,
              JSON.stringify(each.tags),
              each.type,
              each.contains,
              each.unit,
              each.values,
              each.histogram ?? null,
            ]),
          ],
          [
            'errors',
            window.errors.map((each) => [
              ...origin,
              second,
              each.code,
              each.message,
              each.where,
              each.scenario,
              each.count,
              each.firstAtMs,
              each.lastAtMs,
            ]),
          ],
          ['logs', window.logs.map((each) => [...origin, each.atMs, each.level, each.message])],
        ],
        samples: null,
      };
    }
  }
};

export const eventRow = (event: StoredEvent): Row => [event.number, event.at, event.atMs, event.kind, event.text];

/** The value of one request's column. */
export const sampleValue = (column: SampleColumn, row: number): string | number => {
  if (column.type === 'number') return column.values[row] ?? 0;
  return column.texts[column.index[row] ?? 0] ?? '';
};
