import { mkdir, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type AgentId,
  type BatchHeader,
  BOUNDS,
  encodeNative,
  type RunId,
  runOfStream,
  type StreamId,
  streamId,
} from '@muster/protocol';
import type { SupervisorEvent } from '../supervisor/event.js';
import type { SavedStream } from '../supervisor/supervisor-config.js';
import { BoxFile } from './box-file.js';
import { batchOf, boxRecord, type WireBatch } from './box-record.js';
import { Serial } from './serial.js';

export interface OutboxFilesOptions {
  readonly folder: string;
  /** Batches kept in memory, over all streams; beyond it they are read back from their files. @default 64 MiB */
  readonly memoryBytes?: number;
  /** A disk that was full is tried again after so long. @default 1_000 */
  readonly retryMs?: number;
  readonly onEvent: (event: Extract<SupervisorEvent, { readonly type: 'outbox.written' | 'outbox.disk' }>) => void;
  /** Sends a batch to the receiver. */
  readonly push: (batch: WireBatch) => void;
  readonly warn: (message: string) => void;
}

/** One stream: its file, and what of it lies in memory. */
interface Box {
  readonly stream: StreamId;
  readonly path: string;
  readonly steps: Serial;
  /** Null until the first write succeeded. */
  file: BoxFile | null;
  readonly copies: Map<number, Buffer>;
  /** Not written yet, in order. */
  pending: { readonly number: number; readonly record: Buffer }[];
  flushing: boolean;
  /** Batches that are being read back: what is sent after them waits, so that the order stays. */
  reads: number;
  agent: AgentId | null;
  closedBy: number | null;
}

const FILE_NAME = /^([0-9a-f]{32})_([0-9a-f-]{36})\.box$/;

/**
 * The outbox's files. Does what the supervisor's `outbox.…` effects say: keeps batches in memory and on disk, tells when
 * they are written, sends them. A disk that is full is no end: what can't be written waits in memory, in order, and is
 * tried again.
 */
export class OutboxFiles {
  readonly #options: Required<OutboxFilesOptions>;
  readonly #boxes = new Map<StreamId, Box>();
  /** Removals under way. */
  readonly #leaving = new Set<Promise<unknown>>();
  #copyBytes = 0;
  #full = false;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(options: OutboxFilesOptions) {
    this.#options = { memoryBytes: BOUNDS.outboxMemoryBytes, retryMs: 1_000, ...options };
  }

  /** Opens the folder and takes up what earlier boots left there. @throws what the file system throws. */
  static async open(
    options: OutboxFilesOptions,
  ): Promise<{ readonly files: OutboxFiles; readonly saved: readonly SavedStream[] }> {
    const files = new OutboxFiles(options);
    await mkdir(options.folder, { recursive: true });
    const saved: SavedStream[] = [];
    for (const name of (await readdir(options.folder)).sort()) {
      const path = join(options.folder, name);
      const found = FILE_NAME.exec(name);
      if (found?.[1] !== undefined && found[2] !== undefined) {
        const stream = await files.#recover(path, streamId(found[1], found[2]));
        if (stream !== null) saved.push(stream);
      } else if (name.endsWith('.box.new')) {
        await unlink(path);
      }
    }
    return { files, saved };
  }

  async #recover(path: string, stream: StreamId): Promise<SavedStream | null> {
    const box = this.#newBox(stream, path);
    box.file = await BoxFile.recover(path, (header) => {
      if (header.last) box.closedBy = header.number;
      box.agent = header.agent;
    });
    if (box.file === null) {
      this.#options.warn(`${path} is no outbox, or was cut off before anything was in it: removed`);
      await unlink(path);
      return null;
    }
    this.#boxes.set(stream, box);
    return {
      stream,
      run: runOfStream(stream),
      first: box.file.first,
      sizes: box.file.sizes,
      closed: box.closedBy !== null,
    };
  }

  #newBox(stream: StreamId, path: string): Box {
    return {
      stream,
      path,
      steps: new Serial(),
      file: null,
      copies: new Map(),
      pending: [],
      flushing: false,
      reads: 0,
      agent: null,
      closedBy: null,
    };
  }

  /** Bytes that lie in memory. */
  get memoryBytes(): number {
    return this.#copyBytes;
  }

  append(header: BatchHeader, payload: Uint8Array): void {
    const { stream } = header;
    const box = this.#boxes.get(stream) ?? this.#newBox(stream, this.#pathOf(stream));
    this.#boxes.set(stream, box);
    box.agent = header.agent;
    if (header.last) box.closedBy = header.number;
    const record = boxRecord(header, payload);
    box.copies.set(header.number, record);
    this.#copyBytes += record.byteLength;
    box.pending.push({ number: header.number, record });
    if (this.#full) this.#tellDisk('the outbox still can not be written');
    else this.#flush(box);
  }

  #pathOf(stream: StreamId): string {
    return join(this.#options.folder, `${stream.replace('/', '_')}.box`);
  }

  /** Writes what is pending, as much as has come together while the last write was under way. */
  #flush(box: Box): void {
    if (box.flushing || box.pending.length === 0) return;
    box.flushing = true;
    void box.steps.run(async () => {
      const batch = box.pending;
      box.pending = [];
      try {
        box.file ??= await BoxFile.create(box.path);
        await box.file.append(batch.map(({ record }) => record));
        box.flushing = false;
        this.#wrote(box, batch);
      } catch (thrown) {
        box.flushing = false;
        box.pending = [...batch, ...box.pending];
        this.#failed(thrown);
      }
    });
  }

  #wrote(box: Box, batch: Box['pending']): void {
    const last = batch.at(-1);
    if (last === undefined || this.#boxes.get(box.stream) !== box) return;
    // The oldest are sent next, so it is the newest that can wait on the disk.
    for (const { number } of batch) if (this.#copyBytes > this.#options.memoryBytes) this.#dropCopy(box, number);
    this.#options.onEvent({ type: 'outbox.written', stream: box.stream, upTo: last.number });
    this.#flush(box);
    if (!this.#full) return;
    for (const each of this.#boxes.values()) this.#flush(each);
    if (this.#waitingBytes > 0) return;
    this.#full = false;
    this.#tellDisk('the outbox can be written again');
  }

  #failed(thrown: unknown): void {
    const { code, message } = thrown as NodeJS.ErrnoException;
    this.#full = true;
    this.#tellDisk(
      code === 'ENOSPC'
        ? `the disk of the outbox is full (${this.#options.folder}): results are kept in memory until there is room`
        : `the outbox can't be written (${message}): results are kept in memory until it can`,
    );
    if (this.#closed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      for (const box of this.#boxes.values()) this.#flush(box);
    }, this.#options.retryMs);
  }

  get #waitingBytes(): number {
    let sum = 0;
    for (const { pending } of this.#boxes.values()) for (const { record } of pending) sum += record.byteLength;
    return sum;
  }

  #tellDisk(why: string): void {
    this.#options.onEvent({ type: 'outbox.disk', full: this.#full, waitingBytes: this.#waitingBytes, why });
  }

  #dropCopy(box: Box, number: number): void {
    const copy = box.copies.get(number);
    if (copy === undefined) return;
    box.copies.delete(number);
    this.#copyBytes -= copy.byteLength;
  }

  /** Pushes a batch that is kept; batches of one stream leave in the order in which this is called. */
  send(stream: StreamId, number: number): void {
    const box = this.#boxes.get(stream);
    if (box === undefined) return;
    const copy = box.copies.get(number);
    if (copy !== undefined && box.reads === 0) {
      this.#options.push(batchOf(copy));
      return;
    }
    box.reads += 1;
    void box.steps.run(async () => {
      try {
        const again = box.copies.get(number);
        const batch = again === undefined ? await this.#readBack(box, number) : batchOf(again);
        if (batch !== null && this.#boxes.get(stream) === box) this.#options.push(batch);
      } finally {
        box.reads -= 1;
      }
    });
  }

  /** Null when it was acknowledged meanwhile; what the disk has damaged goes as a hole that the broker can name. */
  async #readBack(box: Box, number: number): Promise<WireBatch | null> {
    const { file } = box;
    if (file === null || number < file.first) return null;
    const batch = await file.read(number).catch(() => null);
    if (batch !== null) return batch;
    this.#options.warn(`batch ${number} of ${box.stream} can't be read back: it goes as a hole`);
    const header: BatchHeader = {
      stream: box.stream,
      number,
      kind: number === box.closedBy ? 'end' : 'samples',
      run: runOfStream(box.stream) as RunId,
      agent: box.agent ?? ('unknown' as AgentId),
      worker: 0,
      last: number === box.closedBy,
    };
    return { header: encodeNative(header), payload: Buffer.alloc(0) };
  }

  forget(stream: StreamId, upTo: number): void {
    const box = this.#boxes.get(stream);
    if (box === undefined) return;
    for (const number of box.copies.keys()) {
      if (number > upTo) break;
      this.#dropCopy(box, number);
    }
    void box.steps.run(async () => {
      await box.file
        ?.forget(upTo)
        .catch((thrown: Error) => this.#options.warn(`the outbox keeps room that it does not need: ${thrown.message}`));
    });
  }

  delete(stream: StreamId): void {
    const box = this.#boxes.get(stream);
    if (box === undefined) return;
    for (const number of [...box.copies.keys()]) this.#dropCopy(box, number);
    box.pending = [];
    this.#boxes.delete(stream);
    const removal = box.steps.run(async () => {
      await box.file
        ?.remove()
        .catch((thrown: Error) => this.#options.warn(`${box.path} can't be removed: ${thrown.message}`));
    });
    this.#leaving.add(removal);
    void removal.finally(() => this.#leaving.delete(removal));
  }

  /** Writes what can still be written and lets go of the files. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    for (const box of this.#boxes.values()) {
      this.#flush(box);
      await box.steps.idle;
      await box.file?.close();
    }
    this.#boxes.clear();
    await Promise.all(this.#leaving);
  }
}
