import type { SeriesSnapshot } from '@muster/metrics';
import type { BatchHeader, ErrorGroup, RunInfo } from '@muster/protocol';

/** A batch on its way into the store. The payload is given away: whoever appends it must not use it again. */
export interface AppendedBatch {
  readonly header: BatchHeader;
  readonly payload: Uint8Array;
}

/** How a batch was stored: `hole` says why its payload could not be, in which case only its number is. */
export interface Appended {
  readonly hole: string | null;
  /** Requests stored with it. */
  readonly rows: number;
}

/** How far a stream is stored. */
export interface StoredStream {
  readonly stream: string;
  readonly agent: string;
  /** Everything up to and with this number is on disk. */
  readonly highWater: number;
  /** Its last batch is. */
  readonly closed: boolean;
}

/** A run as the catalogue keeps it. */
export interface RunRecord {
  readonly info: RunInfo;
  /** What is needed to sum the run up again when late results come: plain data. */
  readonly detail: unknown;
}

export interface StoredSummary {
  readonly revision: number;
  readonly summary: unknown;
  readonly handleSummary: Readonly<Record<string, string>> | null;
}

/** One line of a run's history. */
export interface StoredEvent {
  readonly number: number;
  readonly at: string;
  readonly atMs: number | null;
  readonly kind: string;
  readonly text: string;
}

export const QUERY_TABLES = ['windows', 'samples', 'errors', 'events'] as const;
export type QueryTable = (typeof QUERY_TABLES)[number];

/** A page of a table, column by column. Rows are in the order in which they were stored. */
export interface QueryPage {
  readonly table: QueryTable;
  readonly start: number;
  readonly rows: number;
  /** Rows of the whole table at this moment. */
  readonly total: number;
  readonly columns: readonly { readonly name: string; readonly values: readonly QueryValue[] }[];
}
export type QueryValue = string | number | boolean | null | Uint8Array | readonly number[];

/** A part of what was stored of a run's windows, to merge them again. The order does not matter. */
export interface ReplayPage {
  readonly series: readonly ReplayedSeries[];
  readonly errors: readonly { readonly agent: string; readonly group: ErrorGroup }[];
  readonly seconds: readonly WorkerSecond[];
  readonly gaps: readonly (StreamGap & { readonly agent: string })[];
}

/** One series of one worker's window. */
export interface ReplayedSeries {
  readonly agent: string;
  readonly worker: number;
  readonly second: number;
  readonly snapshot: SeriesSnapshot;
}

/** That a worker sealed a window, and how many rows it measured and kept. */
export interface WorkerSecond {
  readonly agent: string;
  readonly worker: number;
  readonly second: number;
  readonly sealedToMs: number;
  readonly measured: number;
  readonly kept: number;
}

/** What an agent's last batch says is missing. */
export interface StreamGap {
  readonly worker: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly why: string;
}

/**
 * Where everything of every run is kept. One broker writes it.
 *
 * A batch is stored once whatever happens: rows and the stream's high-water mark become durable together, and a number
 * at or below the mark is not stored again. While the disk is full or fails, appends wait and are tried again; they are
 * never answered with success. Nothing here throws anything but `MusterError` (`STORE_FAILED`, `DISK_FULL`, `CLOSED`).
 */
export interface Store {
  /** Resolves when the batch is durable. Batches of a stream must come in the order of their numbers. */
  append(batch: AppendedBatch): Promise<Appended>;
  /** Bytes that were appended and are not durable yet. */
  readonly queuedBytes: number;
  /** Resolves when the queue is below its bound. */
  room(): Promise<void>;
  streams(run: string): Promise<readonly StoredStream[]>;
  /** Everything of a run that is merged, page by page. */
  replay(run: string): AsyncIterable<ReplayPage>;
  /** With a signal: rejects with its reason when it is given up, and is not carried out any further. */
  query(run: string, table: QueryTable, start: number, size: number, signal?: AbortSignal): Promise<QueryPage>;
  addEvents(run: string, events: readonly StoredEvent[]): Promise<void>;
  putRun(record: RunRecord): Promise<void>;
  /** The newest runs first. */
  runs(limit: number): Promise<readonly RunRecord[]>;
  run(id: string): Promise<RunRecord | null>;
  putSummary(run: string, summary: StoredSummary): Promise<void>;
  summary(run: string): Promise<StoredSummary | null>;
  /** Nothing more is expected of a run: its file may be closed. It opens again by itself. */
  release(run: string): Promise<void>;
  close(): Promise<void>;
}

/** What a store tells while it can't do its work, and when it can again. */
export interface StoreHealth {
  failed(code: 'STORE_FAILED' | 'DISK_FULL', message: string): void;
  recovered(): void;
}
