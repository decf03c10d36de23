import type { BatchHeader, WireError } from '@muster/protocol';
import type { Store } from '../store.js';

/** What the store's thread is started with. */
export interface ThreadData {
  readonly folder: string;
}

/** Methods of a store that are one question and one answer. */
export type StoreQuestion =
  | 'streams'
  | 'query'
  | 'addEvents'
  | 'putRun'
  | 'runs'
  | 'run'
  | 'putSummary'
  | 'summary'
  | 'release';

/** To the thread. Payloads are moved, not copied. */
export type ThreadOrder =
  | { readonly do: 'append'; readonly id: number; readonly header: BatchHeader; readonly payload: Uint8Array }
  | { readonly do: 'ask'; readonly id: number; readonly what: StoreQuestion; readonly args: readonly unknown[] }
  /** The next page of a replay; the first call begins it. */
  | { readonly do: 'replay'; readonly id: number; readonly cursor: number; readonly run: string }
  | { readonly do: 'close'; readonly id: number };

/** From the thread. */
export type ThreadNews =
  | { readonly news: 'ready' }
  | { readonly news: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly news: 'error'; readonly id: number; readonly error: WireError }
  | { readonly news: 'failed'; readonly code: 'STORE_FAILED' | 'DISK_FULL'; readonly message: string }
  | { readonly news: 'recovered' };

/** Calls a method by its name; the table keeps the arguments' types where both sides see them. */
export type QuestionArgs<W extends StoreQuestion> = Parameters<Store[W]>;
export type QuestionResult<W extends StoreQuestion> = Awaited<ReturnType<Store[W]>>;
