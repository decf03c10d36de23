import type { StreamId } from '@muster/protocol';

/**
 * One stream as numbers: which batches are kept, how large they are, how far they are written, sent and acknowledged.
 * The bytes themselves lie in the outbox's file.
 *
 * Always: acked ≤ sent, and acked, sent and written are all below `next`.
 */
export class StreamLedger {
  readonly stream: StreamId;
  /** Sizes of the batches from `#base` on. */
  #sizes: number[];
  #base: number;
  #acked: number;
  #sent: number;
  #written: number;
  #closed: boolean;
  #heldBytes: number;
  #inFlightBytes = 0;

  constructor(stream: StreamId, first = 0, sizes: readonly number[] = [], closed = false) {
    this.stream = stream;
    this.#sizes = [...sizes];
    this.#base = first;
    this.#acked = first - 1;
    this.#sent = first - 1;
    this.#written = first + sizes.length - 1;
    this.#closed = closed;
    this.#heldBytes = sizes.reduce((sum, size) => sum + size, 0);
  }

  /** The number that the next batch gets. */
  get next(): number {
    return this.#base + this.#sizes.length;
  }
  get acked(): number {
    return this.#acked;
  }
  get sent(): number {
    return this.#sent;
  }
  get written(): number {
    return this.#written;
  }
  /** The last batch has been given. */
  get closed(): boolean {
    return this.#closed;
  }
  /** Nothing will ever be sent again. */
  get settled(): boolean {
    return this.#closed && this.#acked === this.next - 1;
  }
  /** Kept and not acknowledged. */
  get heldBytes(): number {
    return this.#heldBytes;
  }
  /** Sent and not acknowledged. */
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  /** Numbers a batch. */
  append(bytes: number, last: boolean): number {
    const number = this.next;
    this.#sizes.push(bytes);
    this.#heldBytes += bytes;
    this.#closed ||= last;
    return number;
  }

  wrote(upTo: number): void {
    this.#written = Math.max(this.#written, Math.min(upTo, this.next - 1));
  }

  /** The size of the batch that is to be sent next, or null when there is none; `unwritten`: also what is in memory only. */
  nextToSend(unwritten: boolean): number | null {
    const number = this.#sent + 1;
    if (number >= this.next || (!unwritten && number > this.#written)) return null;
    return this.#sizeOf(number);
  }

  /** Takes the next batch as sent; gives its number. */
  send(): number {
    this.#sent += 1;
    this.#inFlightBytes += this.#sizeOf(this.#sent);
    return this.#sent;
  }

  /** Everything up to this number is committed. @returns whether that was news. */
  ack(upTo: number): boolean {
    const known = Math.min(upTo, this.next - 1);
    if (known <= this.#acked) return false;
    for (let number = this.#acked + 1; number <= known; number += 1) {
      const size = this.#sizeOf(number);
      this.#heldBytes -= size;
      if (number <= this.#sent) this.#inFlightBytes -= size;
    }
    this.#acked = known;
    this.#sent = Math.max(this.#sent, known);
    this.#trim();
    return true;
  }

  /** Starts sending again from a number, or from the first that is not acknowledged. */
  rewind(from = this.#acked + 1): void {
    const start = Math.max(from, this.#acked + 1);
    if (start > this.#sent) return;
    for (let number = start; number <= this.#sent; number += 1) this.#inFlightBytes -= this.#sizeOf(number);
    this.#sent = start - 1;
  }

  #sizeOf(number: number): number {
    return this.#sizes[number - this.#base] ?? 0;
  }

  /** Drops the sizes of what is acknowledged, not each time: moving an array costs its length. */
  #trim(): void {
    const gone = this.#acked + 1 - this.#base;
    if (gone < 256 && gone < this.#sizes.length) return;
    this.#sizes.splice(0, gone);
    this.#base += gone;
  }
}
