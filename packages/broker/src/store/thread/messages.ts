import type { BatchHeader, WireError } from '@muster/protocol';
import type { HeardRows, RowGroup, RowStore } from '../rows/row-store.js';
import type { QueryTable, Store } from '../store.js';

/** What the store's thread is started with. */
export interface ThreadData {
  readonly folder: string;
  /** `duckdb`, `memory`, or the URL of a module. */
  readonly store: string;
  readonly options: Readonly<Record<string, string>>;
  readonly keepRows: boolean;
}

/** Methods of a store that are one question and one answer. */
export type StoreQuestion = 'streams' | 'addEvents' | 'putRun' | 'runs' | 'run' | 'putSummary' | 'summary' | 'release';

/** The same of the rows of the original. */
export type RowsQuestion = Exclude<keyof RowStore, 'take' | 'data' | 'errors' | 'close'>;

/** Lists that come page by page. */
export type PagedQuestion =
  | { readonly what: 'replay'; readonly args: Parameters<Store['replay']> }
  | { readonly what: 'data'; readonly args: Parameters<RowStore['data']> }
  | { readonly what: 'errors'; readonly args: Parameters<RowStore['errors']> };

/** To the thread. Payloads are moved, not copied. */
export type ThreadOrder =
  | { readonly do: 'append'; readonly id: number; readonly header: BatchHeader; readonly payload: Uint8Array }
  | { readonly do: 'ask'; readonly id: number; readonly what: StoreQuestion; readonly args: readonly unknown[] }
  | { readonly do: 'take'; readonly id: number; readonly group: RowGroup }
  | { readonly do: 'ask-rows'; readonly id: number; readonly what: RowsQuestion; readonly args: readonly unknown[] }
  /** The next page of a list; the first call begins it. */
  | { readonly do: 'page'; readonly id: number; readonly cursor: number; readonly list: PagedQuestion }
  /** Nobody wants the rest. */
  | { readonly do: 'leave'; readonly id: number; readonly cursor: number }
  /** A page of a query, which may be given up. */
  | { readonly do: 'query'; readonly id: number; readonly args: QueryArgs }
  | { readonly do: 'give-up'; readonly id: number }
  | { readonly do: 'close'; readonly id: number };

/** Run, table, first row, number of rows. */
export type QueryArgs = readonly [run: string, table: QueryTable, start: number, size: number];

/** From the thread. */
export type ThreadNews =
  | { readonly news: 'ready' }
  /** A group was read; the answer follows when it is durable. */
  | { readonly news: 'heard'; readonly id: number; readonly heard: HeardRows }
  | { readonly news: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly news: 'error'; readonly id: number; readonly error: WireError }
  | { readonly news: 'failed'; readonly code: 'STORE_FAILED' | 'DISK_FULL'; readonly message: string }
  | { readonly news: 'recovered' };

/** Calls a method by its name; the table keeps the arguments' types where both sides see them. */
export type QuestionArgs<W extends StoreQuestion> = Parameters<Store[W]>;
export type QuestionResult<W extends StoreQuestion> = Awaited<ReturnType<Store[W]>>;
