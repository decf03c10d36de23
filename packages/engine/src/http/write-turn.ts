/** What waits for the end of a turn to be written. */
export interface Writer {
  /** Writes what is to be written, if anything still is. @returns the instant after it, of `performance.now()` */
  writeNow(nowMs: number): number;
}

/**
 * Requests on open connections are written together, right after the answers of this turn of the event loop were read:
 * a peer that is woken by the first finds the others, and no answer is noted late because a request was written before
 * it was read. What was written last says when the next one begins, so a request costs one look at the clock.
 */
export class WriteTurn {
  #waiting: Writer[] = [];
  #spare: Writer[] = [];
  readonly #write = (): void => this.#writeAll();

  add(writer: Writer): void {
    if (this.#waiting.push(writer) === 1) setImmediate(this.#write);
  }

  #writeAll(): void {
    const writers = this.#waiting;
    this.#waiting = this.#spare;
    let nowMs = performance.now();
    for (const writer of writers) nowMs = writer.writeNow(nowMs);
    writers.length = 0;
    this.#spare = writers;
  }
}
