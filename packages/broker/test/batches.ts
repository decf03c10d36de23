import { SeriesSet } from '@muster/metrics';
import {
  type AgentId,
  type BatchHeader,
  type Column,
  encodeNative,
  type RunId,
  SAMPLE_COLUMNS,
  streamId,
  type WindowPayload,
} from '@muster/protocol';
import type { AppendedBatch } from '../src/store/store.js';

/** What agents would send, made by hand. */
export const RUN = '01990000-0000-7000-8000-000000000001' as RunId;
export const BOOT = '00112233445566778899aabbccddeeff';
export const AGENT = 'one.001122' as AgentId;

export const headerOf = (number: number, over: Partial<BatchHeader> = {}): BatchHeader => ({
  stream: streamId(BOOT, over.run ?? RUN),
  number,
  kind: 'window',
  run: RUN,
  agent: AGENT,
  worker: 0,
  last: false,
  ...over,
});

/** A window with a counter of `requests`, a trend and, if asked, an error. */
export const windowPayload = (second: number, requests: number, over: Partial<WindowPayload> = {}): WindowPayload => {
  const series = new SeriesSet();
  series.counter('http_reqs', { scenario: 'default' }).add(requests);
  for (let n = 0; n < requests; n += 1) series.trend('http_req_duration', { scenario: 'default' }).addUs(1_000 + n);
  return {
    second,
    sealedToMs: (second + 1) * 1_000,
    series: series.snapshotAndReset().map((each) => ({ ...each })),
    errors: [],
    rows: { measured: requests, kept: requests },
    logs: [],
    ...over,
  };
};

/** The columns of so many requests; `ended_us` counts up from `from`, texts alternate but for `method`. */
export const samplesPayload = (rows: number, from = 0): { rows: number; columns: Column[] } => ({
  rows,
  columns: SAMPLE_COLUMNS.map(({ name, type }) => columnOf(name, type, rows, from)),
});

const columnOf = (name: string, type: Column['type'], rows: number, from: number): Column => {
  switch (type) {
    case 'f64':
      return { name, type, data: bytesOf(Float64Array.from({ length: rows }, (_, row) => from + row)) };
    case 'i32':
      return { name, type, data: bytesOf(Int32Array.from({ length: rows }, () => -1)) };
    case 'u32':
      return { name, type, data: bytesOf(Uint32Array.from({ length: rows }, (_, row) => row)) };
    case 'u8':
      return { name, type, data: new Uint8Array(rows) };
    case 'dict': {
      const textOf = (row: number): number => (name === 'method' ? 1 : row % 2);
      return {
        name,
        type,
        data: bytesOf(Uint32Array.from({ length: rows }, (_, row) => textOf(row))),
        values: ['a', 'ü'],
      };
    }
  }
};

const bytesOf = (array: { readonly buffer: ArrayBuffer }): Uint8Array<ArrayBuffer> => new Uint8Array(array.buffer);

export const batch = (header: BatchHeader, payload: object): AppendedBatch => ({
  header,
  payload: encodeNative(payload),
});
export const windowBatch = (number: number, requests = 3, over: Partial<BatchHeader> = {}): AppendedBatch =>
  batch(headerOf(number, over), windowPayload(number, requests));
