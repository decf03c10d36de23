/** The publisher of the original's dialect. While nobody listens nothing is sent, nor made for it. */
export class Publisher {
  readonly #send: (payload: Buffer) => void;
  #watchers = 0;

  constructor(send: (payload: Buffer) => void) {
    this.#send = send;
  }

  get isWatched(): boolean {
    return this.#watchers > 0;
  }

  /** A subscription (first byte 1) or its end (0), as XPUB tells it. */
  subscription([first]: readonly Buffer[]): void {
    if (first?.[0] === 1) this.#watchers += 1;
    else if (first?.[0] === 0) this.#watchers = Math.max(0, this.#watchers - 1);
  }

  publish(payload: Buffer): void {
    if (this.isWatched) this.#send(payload);
  }
}
