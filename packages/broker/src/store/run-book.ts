import type { BatchHeader } from '@muster/protocol';
import type { BatchContent } from '../results/decode-batch.js';
import type { QueryPage, QueryTable, ReplayPage, StoredEvent, StoredStream } from './store.js';

/** A batch that is decoded and about to be stored. */
export interface DecodedBatch {
  readonly header: BatchHeader;
  readonly content: BatchContent;
}

/** Everything that is kept of one run. Calls come one at a time. Whatever it throws means that nothing was stored. */
export interface RunBook {
  /** All of these or none: rows and high-water marks in one transaction. */
  commit(batches: readonly DecodedBatch[]): Promise<void>;
  streams(): Promise<readonly StoredStream[]>;
  replay(): AsyncIterable<ReplayPage>;
  query(table: QueryTable, start: number, size: number, signal?: AbortSignal): Promise<QueryPage>;
  addEvents(events: readonly StoredEvent[]): Promise<void>;
  close(): Promise<void>;
}

/** How far each stream is once these batches are stored. */
export const marksOf = (batches: readonly DecodedBatch[]): readonly StoredStream[] => {
  const marks = new Map<string, StoredStream>();
  for (const { header } of batches) {
    const before = marks.get(header.stream);
    marks.set(header.stream, {
      stream: header.stream,
      agent: header.agent,
      highWater: Math.max(header.number, before?.highWater ?? -1),
      closed: header.last || (before?.closed ?? false),
    });
  }
  return [...marks.values()];
};
