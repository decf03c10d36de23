import type { RowGroup } from '../../store/rows/row-store.js';

/** Messages gather up to here; a larger one goes by itself. */
const PACK_BYTES = 1_024 * 1_024;
/** Less than this is copied, and the room used again at once. */
const LITTLE_BYTES = 64 * 1_024;
/** Rooms that are kept for later. */
const MAX_SPARE = 64;

const [OPENING, COMMA, CLOSING] = [0x5b, 0x2c, 0x5d];

/**
 * Puts messages one behind the other, so that many go to the store's thread at once. The memory comes
 * back when the rows in it are kept: new memory for each group would cost more than to fill it.
 */
export class RowPacker {
  readonly #send: (group: RowGroup) => Promise<ArrayBufferLike | null>;
  readonly #spare: Uint8Array[] = [];
  #bytes: Uint8Array = new Uint8Array(PACK_BYTES);
  #ends: number[] = [];
  #at = 0;
  #due = false;

  /** @param send resolves with the memory of the group when nobody looks at it any more */
  constructor(send: (group: RowGroup) => Promise<ArrayBufferLike | null>) {
    this.#send = send;
  }

  /** Takes a message along; it leaves at the latest when the turn of the event loop is over. */
  add(message: Uint8Array): void {
    if (this.#at + message.byteLength + 2 > PACK_BYTES) this.flush();
    if (message.byteLength + 2 > PACK_BYTES) {
      const bytes = new Uint8Array(message.byteLength + 2);
      bytes[0] = OPENING;
      bytes.set(message, 1);
      bytes[bytes.length - 1] = CLOSING;
      void this.#send({ bytes, ends: [bytes.length - 1] });
      return;
    }
    this.#bytes[this.#at] = this.#at === 0 ? OPENING : COMMA;
    this.#bytes.set(message, this.#at + 1);
    this.#at += message.byteLength + 1;
    this.#ends.push(this.#at);
    if (this.#due) return;
    this.#due = true;
    setImmediate(() => {
      this.#due = false;
      this.flush();
    });
  }

  /** Sends what has gathered. */
  flush(): void {
    if (this.#at === 0) return;
    this.#bytes[this.#at] = CLOSING;
    const [bytes, ends, used] = [this.#bytes, this.#ends, this.#at + 1];
    this.#ends = [];
    this.#at = 0;
    if (used <= LITTLE_BYTES) {
      void this.#send({ bytes: Uint8Array.from(bytes.subarray(0, used)), ends });
      return;
    }
    this.#bytes = this.#spare.pop() ?? new Uint8Array(PACK_BYTES);
    void this.#send({ bytes: bytes.subarray(0, used), ends }).then((back) => {
      if (back?.byteLength === PACK_BYTES && this.#spare.length < MAX_SPARE) this.#spare.push(new Uint8Array(back));
    });
  }
}
