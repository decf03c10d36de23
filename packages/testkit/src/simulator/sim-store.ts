import type { RunRecord } from '@muster/broker/internal';
import type { BatchHeader } from '@muster/protocol';
import type { Truth } from './truth.js';

/** A batch as the simulated network carries it. */
export interface Batch {
  readonly header: BatchHeader;
  readonly payload: Uint8Array;
}

/** How far a stream is on disk. */
export interface KeptStream {
  readonly stream: string;
  readonly agent: string;
  readonly batches: Batch[];
  closed: boolean;
}

/** The broker's disk: what is here is here after a crash. */
export class SimStore {
  readonly #truth: Truth;
  /** The controller's journal. */
  readonly journal = new Map<string, unknown>();
  readonly streams = new Map<string, KeptStream>();
  /** Runs of which the catalogue knows, and the record of those that are concluded. */
  readonly runs = new Map<string, RunRecord | null>();
  readonly summaries = new Set<string>();

  constructor(truth: Truth) {
    this.#truth = truth;
  }

  /** A batch and its number become durable together. */
  commit(batch: Batch): void {
    const { stream, number, agent, last } = batch.header;
    const kept = this.streams.get(stream) ?? { stream, agent, batches: [], closed: false };
    this.streams.set(stream, kept);
    const next = kept.batches.length;
    if (number < next) this.#truth.fail('batches', `batch ${number} of ${stream} was stored twice`);
    else if (number > next) this.#truth.fail('batches', `batch ${number} of ${stream} was stored before ${next}`);
    kept.batches.push(batch);
    if (last) kept.closed = true;
  }

  highWater(stream: string): number {
    return (this.streams.get(stream)?.batches.length ?? 0) - 1;
  }

  *streamsOf(run: string): Iterable<KeptStream> {
    for (const kept of this.streams.values()) if (kept.stream.endsWith(run)) yield kept;
  }
}
