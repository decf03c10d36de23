import { CAUSES, type ErrorCause } from './error-codes.js';

/** What can run out of time. */
export interface Timed {
  readonly deadlineMs: number;
  abort(cause: ErrorCause): void;
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
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  delete(member: Timed): void {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #sweep(): void {
    const now = performance.now();
    for (const member of this.#members) if (member.deadlineMs <= now) member.abort(CAUSES.timeout);
  }
}
