/** Runs asynchronous steps one after the other, in the order given; one that fails does not hold up the next. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#last.then(step);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Resolves when everything given so far is done. */
  get idle(): Promise<unknown> {
    return this.#last;
  }
}
