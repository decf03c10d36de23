import type { RowGroup } from '../../store/rows/row-store.js';

/** Messages gather up to here; a larger one goes by itself. */
const PACK_BYTES = 256 * 1_024;

const [OPENING, COMMA, CLOSING] = [0x5b, 0x2c, 0x5d];

/** Puts messages one behind the other, so that many go to the store's thread at once. */
export class RowPacker {
  readonly #send: (group: RowGroup) => void;
  #bytes = new Uint8Array(PACK_BYTES);
  #ends: number[] = [];
  #at = 0;
  #due = false;

  constructor(send: (group: RowGroup) => void) {
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
      this.#send({ bytes, ends: [bytes.length - 1] });
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
    const ends = this.#ends;
    // Little is copied and the room used again; a full one goes away as it is.
    const isFull = this.#at * 2 > PACK_BYTES;
    const bytes = isFull ? this.#bytes.subarray(0, this.#at + 1) : this.#bytes.slice(0, this.#at + 1);
    if (isFull) this.#bytes = new Uint8Array(PACK_BYTES);
    this.#ends = [];
    this.#at = 0;
    this.#send({ bytes, ends });
  }
}
