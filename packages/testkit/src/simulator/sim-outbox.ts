import type { Saved, SavedStream } from '@muster/agent';
import { type RunId, runOfStream, type StreamId } from '@muster/protocol';
import type { Random } from './random.js';
import type { SimProcess } from './sim-process.js';
import type { Batch } from './sim-store.js';

interface Box {
  /** Number of the first batch that is still there. */
  first: number;
  /** On disk, from `first` on. */
  batches: Batch[];
  /** Appended by this life and not written yet. */
  pending: Batch[];
  writing: boolean;
}

export interface SimOutboxPort {
  writeMs(): number;
  written(stream: StreamId, upTo: number): void;
}

/** An agent's data folder: streams as files. What is written is there after a crash. */
export class SimOutbox {
  readonly #random: Random;
  readonly #process: SimProcess;
  readonly #port: SimOutboxPort;
  readonly #boxes = new Map<StreamId, Box>();

  constructor(random: Random, process: SimProcess, port: SimOutboxPort) {
    this.#random = random;
    this.#process = process;
    this.#port = port;
  }

  get isEmpty(): boolean {
    return this.#boxes.size === 0;
  }
  /** Everything that would survive a crash and is not acknowledged. */
  *kept(): Iterable<Batch> {
    for (const { batches } of this.#boxes.values()) yield* batches;
  }

  append(batch: Batch): void {
    const { stream } = batch.header;
    const box = this.#boxes.get(stream) ?? { first: 0, batches: [], pending: [], writing: false };
    this.#boxes.set(stream, box);
    box.pending.push(batch);
    if (!box.writing) this.#write(stream, box);
  }

  #write(stream: StreamId, box: Box): void {
    box.writing = true;
    const count = box.pending.length;
    this.#process.after(this.#port.writeMs(), () => {
      box.writing = false;
      box.batches.push(...box.pending.splice(0, count));
      if (box.pending.length > 0) this.#write(stream, box);
      this.#port.written(stream, box.first + box.batches.length - 1);
    });
  }

  batch(stream: StreamId, number: number): Batch | undefined {
    const box = this.#boxes.get(stream);
    return box === undefined ? undefined : [...box.batches, ...box.pending][number - box.first];
  }

  /** The file is cut now and then, not each time: what is acknowledged may be there again after a crash. */
  forget(stream: StreamId, upTo: number): void {
    const box = this.#boxes.get(stream);
    if (box === undefined || !this.#random.chance(0.3)) return;
    const gone = Math.min(box.batches.length, upTo + 1 - box.first);
    if (gone <= 0) return;
    box.batches.splice(0, gone);
    box.first += gone;
  }

  delete(stream: StreamId): void {
    this.#process.after(this.#port.writeMs(), () => this.#boxes.delete(stream));
  }

  /** The process is dead: of what was being written any beginning is on disk. */
  died(): void {
    for (const [stream, box] of this.#boxes) {
      box.batches.push(...box.pending.slice(0, this.#random.whole(0, box.pending.length)));
      box.pending = [];
      box.writing = false;
      if (box.batches.length === 0 && box.first === 0) this.#boxes.delete(stream);
    }
  }

  /** What the next life of the process finds. */
  saved(): Saved {
    return { streams: [...this.#boxes].map(([stream, box]) => this.#savedStream(stream, box)) };
  }

  #savedStream(stream: StreamId, { first, batches }: Box): SavedStream {
    return {
      stream,
      run: runOfStream(stream) as RunId,
      first,
      sizes: batches.map(() => 300),
      closed: batches.at(-1)?.header.last ?? false,
    };
  }
}
