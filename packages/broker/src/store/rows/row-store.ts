import type { OriginalResults } from '../../original/original-results.js';

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
 * Where rows of the original are kept: `OriginalResults` but for what comes in, which is many messages at once. While the
 * disk is full or fails, what was taken waits and is tried again.
 */
export interface RowStore extends Omit<OriginalResults, 'take' | 'ping'> {
  take(group: RowGroup): TakenRows;
  close(): Promise<void>;
}
