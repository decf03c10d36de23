/** What waits for the end of a turn to be written. */
export interface Writer {
  /** Writes what is to be written, if anything still is. @returns the instant after it, of `performance.now()` */
  writeNow(nowMs: number): number;
}

/** What waits for the end of a turn to go on. */
export interface Settler {
  settleNow(): void;
}

/**
 * Requests on open connections are written together, right after the answers of this turn of the event loop were read:
 * a peer that is woken by the first finds the others, and no answer is noted late because a request was written before
 * it was read. What was written last says when the next one begins, so a request costs one look at the clock.
 *
 * Who waits for these answers goes on together as well, between the last read and the first write: the test's code runs
 * once for all of them and not between two reads, where it would be called anew each time.
 */
export class WriteTurn {
  #writers: Writer[] = [];
  #spareWriters: Writer[] = [];
  #settlers: Settler[] = [];
  #spareSettlers: Settler[] = [];
  /** The end of this turn is waited for. */
  #awaited = false;
  readonly #settle = (): void => this.#settleAll();
  readonly #write = (): void => this.#writeAll();

  add(writer: Writer): void {
    this.#writers.push(writer);
    if (!this.#awaited) this.#awaitEnd();
  }

  settle(settler: Settler): void {
    this.#settlers.push(settler);
    if (!this.#awaited) this.#awaitEnd();
  }

  /** Promises that the first one settles are followed before the second one begins. */
  #awaitEnd(): void {
    this.#awaited = true;
    setImmediate(this.#settle);
    setImmediate(this.#write);
  }

  #settleAll(): void {
    const settlers = this.#settlers;
    this.#settlers = this.#spareSettlers;
    for (const settler of settlers) settler.settleNow();
    settlers.length = 0;
    this.#spareSettlers = settlers;
  }

  #writeAll(): void {
    this.#awaited = false;
    const writers = this.#writers;
    this.#writers = this.#spareWriters;
    let nowMs = performance.now();
    for (const writer of writers) nowMs = writer.writeNow(nowMs);
    writers.length = 0;
    this.#spareWriters = writers;
    // An exchange may end while the test's code runs, after the others were settled.
    if (this.#settlers.length > 0 && !this.#awaited) this.#awaitEnd();
  }
}
