import type { OriginalMetadata, OriginalPage, OriginalQuery } from '../../original/original-results.js';

/** Messages of the receiver: `[first,second,third]`. */
export interface RowGroup {
  readonly bytes: Uint8Array;
  /** Where each message ends; the first begins at 1, each other one behind the end of the one before and a comma. */
  readonly ends: readonly number[];
}

/** What was found in a group. */
export interface HeardRows {
  /** Who sent something about which run, each once. */
  readonly senders: readonly { readonly run: string; readonly agent: string; readonly hostname: string | null }[];
  /** Messages of an agent that name no run. */
  readonly homeless: readonly { readonly agent: string; readonly text: string }[];
  /** What was not taken, and why. */
  readonly dropped: readonly string[];
}

/** Two answers to a group: when it was read, and when it is durable; with that its memory comes back. */
export interface TakenRows {
  readonly heard: Promise<HeardRows>;
  readonly kept: Promise<ArrayBufferLike>;
}

/**
 * Where rows of the original are kept; the words are those of `OriginalResults`. While the disk is full or fails, what was
 * taken waits and is tried again.
 */
export interface RowStore {
  take(group: RowGroup): TakenRows;
  open(run: string, metadata: OriginalMetadata): Promise<void>;
  counts(run: string): Promise<Readonly<Record<string, number>>>;
  urls(run: string): Promise<Readonly<Record<string, number>>>;
  data(run: string, query: OriginalQuery): AsyncIterable<readonly string[]>;
  errors(run: string, page: OriginalPage): AsyncIterable<readonly string[]>;
  metadata(run: string): Promise<OriginalMetadata>;
  updateMetadata(run: string, changes: OriginalMetadata): Promise<void>;
  runs(): Promise<readonly string[]>;
  delete(run: string): Promise<void>;
  summarise(run: string): Promise<void>;
  ended(run: string): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}
