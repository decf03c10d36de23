import type { WsMessage } from '@muster/script';

/** What waits at most; then the socket is not read until half of it is gone. */
const MAX_MESSAGES = 1_000;
const MAX_BYTES = 16 * 1_024 * 1_024;

const sizeOf = (message: WsMessage): number =>
  typeof message === 'string' ? message.length : message instanceof Blob ? message.size : message.byteLength;

/** Messages that nobody has taken yet, and those who wait for one. */
export class Inbox {
  readonly #pause: (paused: boolean) => void;
  #messages: WsMessage[] = [];
  #bytes = 0;
  #isPaused = false;
  #isOver = false;
  #waiting: ((message: WsMessage | null) => void)[] = [];

  /** @param pause reads no more, or reads on */
  constructor(pause: (paused: boolean) => void) {
    this.#pause = pause;
  }

  put(message: WsMessage): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting(message);
      return;
    }
    this.#messages.push(message);
    this.#bytes += sizeOf(message);
    if (this.#messages.length >= MAX_MESSAGES || this.#bytes >= MAX_BYTES) this.#setPaused(true);
  }

  /** The next one; null when there will be none any more. */
  take(): Promise<WsMessage | null> {
    const message = this.#messages.shift();
    if (message === undefined)
      return this.#isOver ? Promise.resolve(null) : new Promise((resolve) => this.#waiting.push(resolve));
    this.#bytes -= sizeOf(message);
    if (this.#messages.length <= MAX_MESSAGES / 2 && this.#bytes <= MAX_BYTES / 2) this.#setPaused(false);
    return Promise.resolve(message);
  }

  /** Nothing more comes; what is there may still be taken. */
  end(): void {
    this.#isOver = true;
    for (const waiting of this.#waiting.splice(0)) waiting(null);
  }

  #setPaused(paused: boolean): void {
    if (this.#isPaused === paused || this.#isOver) return;
    this.#isPaused = paused;
    this.#pause(paused);
  }
}
