import type { AgentId, BatchHeader, RunId, StreamId, StreamTail } from '@muster/protocol';
import type { FromBroker } from '../supervisor/messages.js';
import type { SavedStream } from '../supervisor/supervisor-config.js';
import { NEVER, type Turn } from '../supervisor/turn.js';
import { StreamLedger } from './stream-ledger.js';

export interface StreamBounds {
  readonly unackedBytes: number;
  readonly diskBytes: number;
  readonly memoryBytes: number;
  readonly resendMs: number;
}

/** A batch without what the outbox itself knows. */
export interface NewBatch {
  readonly kind: BatchHeader['kind'];
  readonly run: RunId;
  readonly agent: AgentId;
  readonly worker: number;
  readonly last: boolean;
  readonly payload: Uint8Array;
}

/** Most streams that a `hello` can name. */
const MAX_TAILS = 1_000;
/** What a header costs beside its payload. */
const HEADER_BYTES = 256;
/** From so much of the disk's bound on: one raw row in `keepOneIn`, or only failed ones; at the bound none. */
const THINNING = [
  { over: 1, keepOneIn: null },
  { over: 0.9, keepOneIn: Number.POSITIVE_INFINITY },
  { over: 0.75, keepOneIn: 8 },
  { over: 0.5, keepOneIn: 2 },
] as const;

/**
 * All streams of the agent: numbers batches, sends what is written within the bound of what may be in flight, sends it
 * again when it is asked to, when the connection is new and when nothing moves.
 */
export class Streams {
  readonly #bounds: StreamBounds;
  readonly #ledgers = new Map<StreamId, StreamLedger>();
  #linkUp = false;
  #disk: { readonly full: boolean; readonly waitingBytes: number } = { full: false, waitingBytes: 0 };
  #progressMs = 0;

  constructor(bounds: StreamBounds, saved: readonly SavedStream[] = []) {
    this.#bounds = bounds;
    for (const { stream, first, sizes, closed } of saved)
      this.#ledgers.set(stream, new StreamLedger(stream, first, sizes, closed));
  }

  /** Bytes that are kept and not acknowledged, over all streams. */
  get heldBytes(): number {
    let sum = 0;
    for (const ledger of this.#ledgers.values()) sum += ledger.heldBytes;
    return sum;
  }
  get inFlightBytes(): number {
    let sum = 0;
    for (const ledger of this.#ledgers.values()) sum += ledger.inFlightBytes;
    return sum;
  }
  /** Nothing is left to be acknowledged. */
  get isEmpty(): boolean {
    for (const ledger of this.#ledgers.values()) if (ledger.acked < ledger.next - 1) return false;
    return true;
  }

  /** One raw row in how many is kept now; `Infinity`: only failed ones; null: none. Windows and their errors always are. */
  get keepOneIn(): number | null {
    if (this.#disk.full) return null;
    const share = this.heldBytes / this.#bounds.diskBytes;
    const step = THINNING.find(({ over }) => share >= over);
    return step === undefined ? 1 : step.keepOneIn;
  }
  get isDiskFull(): boolean {
    return this.#disk.full;
  }
  /** The disk is full, and what waits for it has filled the memory that is allowed. */
  get overflowing(): boolean {
    return this.#disk.full && this.#disk.waitingBytes > this.#bounds.memoryBytes;
  }

  /** Every stream that is not closed and acknowledged, the newest if a message can't name them all. */
  tails(): StreamTail[] {
    return [...this.#ledgers.values()].slice(-MAX_TAILS).map(({ stream, next }) => ({ stream, last: next - 1 }));
  }
  tailOf(stream: StreamId): StreamTail | null {
    const ledger = this.#ledgers.get(stream);
    return ledger === undefined ? null : { stream, last: ledger.next - 1 };
  }
  isClosed(stream: StreamId): boolean {
    return this.#ledgers.get(stream)?.closed ?? true;
  }
  /** Every batch so far would survive a crash, or waits for a disk that is full. */
  isSafe(stream: StreamId): boolean {
    const ledger = this.#ledgers.get(stream);
    return ledger === undefined || this.#disk.full || ledger.written >= ledger.next - 1;
  }

  open(stream: StreamId): void {
    if (!this.#ledgers.has(stream)) this.#ledgers.set(stream, new StreamLedger(stream));
  }

  /** Keeps a batch. One that comes after the stream's last is refused. */
  append(turn: Turn, stream: StreamId, batch: NewBatch): boolean {
    const ledger = this.#ledgers.get(stream);
    if (ledger === undefined || ledger.closed) return false;
    const { payload, ...rest } = batch;
    if (ledger.inFlightBytes === 0) this.#progressMs = turn.nowMs;
    const number = ledger.append(payload.byteLength + HEADER_BYTES, batch.last);
    turn.do({ type: 'outbox.append', header: { stream, number, ...rest }, payload });
    if (this.#disk.full) this.#pump(turn);
    return true;
  }

  wrote(turn: Turn, stream: StreamId, upTo: number): void {
    this.#ledgers.get(stream)?.wrote(upTo);
    this.#pump(turn);
  }

  disk(turn: Turn, full: boolean, waitingBytes: number): void {
    this.#disk = { full, waitingBytes };
    this.#pump(turn);
  }

  ack(turn: Turn, { stream, upTo }: FromBroker<'ack'>): void {
    const ledger = this.#ledgers.get(stream);
    if (ledger === undefined || !ledger.ack(upTo)) return;
    this.#progressMs = turn.nowMs;
    if (ledger.settled) {
      this.#ledgers.delete(stream);
      turn.do({ type: 'outbox.delete', stream });
    } else {
      turn.do({ type: 'outbox.forget', stream, upTo: ledger.acked });
    }
    this.#pump(turn);
  }

  resend(turn: Turn, { stream, from }: FromBroker<'resend'>): void {
    this.#ledgers.get(stream)?.rewind(from);
    this.#pump(turn);
  }

  /** The connection is new: what was in flight may be lost. */
  linkUp(turn: Turn): void {
    this.#linkUp = true;
    this.#progressMs = turn.nowMs;
    this.#rewindAll();
    this.#pump(turn);
  }
  linkDown(): void {
    this.#linkUp = false;
  }

  get nextMs(): number {
    return this.#linkUp && this.inFlightBytes > 0 ? this.#progressMs + this.#bounds.resendMs : NEVER;
  }
  due(turn: Turn): void {
    if (turn.nowMs < this.nextMs) return;
    turn.log('debug', 'nothing was acknowledged for a while: sending again');
    this.#progressMs = turn.nowMs;
    this.#rewindAll();
    this.#pump(turn);
  }

  #rewindAll(): void {
    for (const ledger of this.#ledgers.values()) ledger.rewind();
  }

  /** Sends what may be sent, the newest stream first: a run that is watched goes before what an earlier boot left. */
  #pump(turn: Turn): void {
    if (!this.#linkUp) return;
    let inFlight = this.inFlightBytes;
    for (const ledger of [...this.#ledgers.values()].reverse()) {
      for (;;) {
        const bytes = ledger.nextToSend(this.#disk.full);
        if (bytes === null) break;
        // A batch that is larger than the bound itself goes alone.
        if (inFlight > 0 && inFlight + bytes > this.#bounds.unackedBytes) return;
        inFlight += bytes;
        turn.do({ type: 'outbox.send', stream: ledger.stream, number: ledger.send() });
      }
    }
  }
}
