/** What can run out of time. */
export interface Timed {
  /** Milliseconds of `performance.now()`; infinite while nothing is under way. */
  readonly deadlineMs: number;
  expire(): void;
}

const SWEEP_MS = 50;

/**
 * Time limits of all connections of a worker by one timer: an exchange only sets a number, and a sweep every 50 ms ends
 * what is over its time. So a limit is kept to 50 ms, and costs a request nothing.
 */
export class Deadlines {
  readonly #members = new Set<Timed>();
  #timer: NodeJS.Timeout | undefined;

  add(member: Timed): void {
    this.#members.add(member);
    // Timers run before sockets are read. An answer that lay there while the test's own code held the loop is in time,
    // so what is there is read first.
    this.#timer ??= setInterval(() => setImmediate(() => this.#sweep()), SWEEP_MS).unref();
  }

  delete(member: Timed): void {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const member of this.#members) if (member.deadlineMs <= nowMs) member.expire();
  }
}
