/** A message on its way: its parts. */
export type Message = readonly Buffer[];

/** What may wait in a {@link SendQueue}. */
export interface SendQueueBounds {
  readonly messages: number;
  readonly bytes: number;
}

const sizeOf = (message: Message): number => message.reduce((sum, frame) => sum + frame.byteLength, 0);

/** First in, first out, bounded by number and by bytes. Beyond a bound the oldest go: what comes later says more. */
export class SendQueue {
  readonly #bounds: SendQueueBounds;
  #items: Message[] = [];
  /** Items before this one are gone already; the array is cut when half of it is. */
  #head = 0;
  #bytes = 0;

  constructor(bounds: SendQueueBounds) {
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a message; the answer is those that had to go for it. One message alone always fits. */
  push(message: Message): readonly Message[] {
    this.#items.push(message);
    this.#bytes += sizeOf(message);
    const gone: Message[] = [];
    while (this.length > 1 && (this.length > this.#bounds.messages || this.#bytes > this.#bounds.bytes)) {
      const oldest = this.shift();
      if (oldest !== undefined) gone.push(oldest);
    }
    return gone;
  }

  shift(): Message | undefined {
    const message = this.#items[this.#head];
    if (message === undefined) return undefined;
    this.#head += 1;
    this.#bytes -= sizeOf(message);
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return message;
  }
}
