import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AgentId,
  BOUNDS,
  decodeNative,
  type EndPayload,
  encodeNative,
  type RunId,
  type StreamId,
  streamId,
  TIMES,
  WindowPayload,
} from '@muster/protocol';
import { type BatchKind, StreamBox } from './stream-box.js';

export interface OutboxOptions {
  readonly folder: string;
  readonly boot: string;
  readonly agent: AgentId;
  readonly inFlightBytes?: number;
  readonly memoryBytes?: number;
  readonly diskBytes?: number;
  /** Sends a batch: header and payload. */
  readonly send: (header: Buffer, payload: Buffer) => void;
  readonly warn: (message: string) => void;
}

/** Everything that this agent measured and the broker has not committed, of this boot and of earlier ones. */
export class Outbox {
  readonly #options: Required<OutboxOptions>;
  readonly #boxes = new Map<StreamId, StreamBox>();
  #progressMs = 0;
  #droppedRows = 0;
  #connected = false;

  constructor(options: OutboxOptions) {
    this.#options = {
      inFlightBytes: BOUNDS.unackedBytes,
      memoryBytes: BOUNDS.outboxMemoryBytes,
      diskBytes: BOUNDS.outboxDiskBytes,
      ...options,
    };
    mkdirSync(options.folder, { recursive: true });
    for (const name of readdirSync(options.folder)) this.#recover(name);
  }

  /** Takes up what an earlier boot left. A stream that it could not close is closed now, naming the gap. */
  #recover(name: string): void {
    const found = /^([0-9a-f]{32})_([0-9a-f-]{36})\.box$/.exec(name);
    if (found?.[1] === undefined || found[2] === undefined) return;
    const sealed = new Map<number, number>();
    const box = new StreamBox(
      join(this.#options.folder, name),
      streamId(found[1], found[2]),
      this.#options.agent,
      (worker, payload) => {
        sealed.set(worker, decodeNative(WindowPayload, payload, BOUNDS.resultBytes).sealedToMs);
      },
    );
    if (box.waiting === 0) {
      box.remove();
      return;
    }
    if (!box.closed) {
      const gaps = [...sealed].map(([worker, fromMs]) => ({ worker, fromMs, toMs: fromMs, why: 'the agent died' }));
      box.append('end', 0, encodeNative({ outcome: 'failed', gaps } satisfies EndPayload), true);
    }
    this.#boxes.set(box.stream, box);
  }

  /** The streams that still hold something, with their highest numbers. */
  tails(): { readonly stream: StreamId; readonly last: number }[] {
    return [...this.#boxes.values()].map((box) => ({ stream: box.stream, last: box.last }));
  }
  get bytes(): number {
    return [...this.#boxes.values()].reduce((sum, box) => sum + box.fileBytes, 0);
  }
  get empty(): boolean {
    return this.#boxes.size === 0;
  }
  /** Batches of rows that were dropped because the disk's bound was reached. */
  get droppedRowBatches(): number {
    return this.#droppedRows;
  }

  #boxOf(run: RunId): StreamBox {
    const stream = streamId(this.#options.boot, run);
    let box = this.#boxes.get(stream);
    if (box === undefined) {
      box = new StreamBox(join(this.#options.folder, `${this.#options.boot}_${run}.box`), stream, this.#options.agent);
      this.#boxes.set(stream, box);
    }
    return box;
  }

  /** Numbers a batch, writes it down and sends it. Rows are dropped at the disk's bound; windows never. */
  append(run: RunId, kind: BatchKind, worker: number, payload: Uint8Array): void {
    if (kind === 'samples' && this.bytes + payload.byteLength > this.#options.diskBytes) {
      this.#droppedRows += 1;
      if (this.#droppedRows === 1)
        this.#options.warn('the outbox is full: rows of single requests are dropped, windows are kept');
      return;
    }
    this.#write(this.#boxOf(run), kind, worker, payload, false);
  }

  #write(box: StreamBox, kind: BatchKind, worker: number, payload: Uint8Array, last: boolean): void {
    const failure = box.append(kind, worker, payload, last);
    if (failure !== null)
      this.#options.warn(`the outbox can't write ${box.stream}: ${failure.message}; kept in memory`);
    const memory = [...this.#boxes.values()].reduce((sum, each) => sum + each.memoryBytes, 0);
    if (memory > this.#options.memoryBytes)
      for (const each of this.#boxes.values()) each.forgetCopies(memory - this.#options.memoryBytes);
    this.pump();
  }

  /** Closes a run's stream; the answer is its last number. */
  end(run: RunId, payload: EndPayload): { readonly stream: StreamId; readonly last: number } {
    const box = this.#boxOf(run);
    if (!box.closed) this.#write(box, 'end', 0, encodeNative(payload), true);
    return { stream: box.stream, last: box.last };
  }

  /** There is a broker (again): everything that it has not acknowledged goes out once more. */
  connected(): void {
    this.#connected = true;
    for (const box of this.#boxes.values()) box.rewindAll();
    this.pump();
  }
  disconnected(): void {
    this.#connected = false;
  }

  pump(): void {
    if (!this.#connected) return;
    for (const box of this.#boxes.values())
      for (const { header, payload } of box.take(this.#options.inFlightBytes)) this.#options.send(header, payload);
  }

  ack(stream: StreamId, upTo: number, nowMs: number): void {
    const box = this.#boxes.get(stream);
    if (box === undefined) return;
    if (box.ack(upTo)) this.#progressMs = nowMs;
    if (box.done) {
      box.remove();
      this.#boxes.delete(stream);
    }
    this.pump();
  }

  resend(stream: StreamId, from: number): void {
    this.#boxes.get(stream)?.rewind(from);
    this.pump();
  }

  /** PUSH loses what is in its buffers when a connection breaks, without a word: without progress all is sent again. */
  tick(nowMs: number): void {
    const stuck = [...this.#boxes.values()].some((box) => box.inFlightBytes > 0);
    if (!stuck) this.#progressMs = nowMs;
    else if (nowMs - this.#progressMs >= TIMES.resendMs) {
      this.#progressMs = nowMs;
      for (const box of this.#boxes.values()) box.rewindAll();
      this.pump();
    }
  }

  close(): void {
    for (const box of this.#boxes.values()) box.close();
    this.#boxes.clear();
  }
}
