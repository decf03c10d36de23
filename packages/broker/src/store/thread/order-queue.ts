import type { ThreadOrder } from './messages.js';

type Order = Exclude<ThreadOrder, { readonly do: 'give-up' }>;

/** So long the thread goes on with orders before it looks what else has happened. */
const TURN_MS = 5;

/**
 * Orders one after the other, with turns of the event loop between them. A port hands over everything that waits at
 * once: a hundred groups of rows would be read before the commit that is under way could take its next step, and then
 * nothing would be left to read while it does.
 */
export class OrderQueue {
  readonly #begin: (order: Order) => void;
  readonly #waiting: Order[] = [];
  #next = 0;
  /** When the turn is over; null: none has begun. */
  #endMs: number | null = null;

  /** @param begin begins what an order says; must not throw */
  constructor(begin: (order: Order) => void) {
    this.#begin = begin;
  }

  add(order: Order): void {
    this.#waiting.push(order);
    this.#run();
  }

  #run(): void {
    for (let order = this.#waiting[this.#next]; order !== undefined; order = this.#waiting[this.#next]) {
      const nowMs = performance.now();
      this.#endMs ??= this.#beginTurn(nowMs);
      if (nowMs >= this.#endMs) return;
      this.#next += 1;
      this.#begin(order);
    }
    this.#waiting.length = 0;
    this.#next = 0;
  }

  #beginTurn(nowMs: number): number {
    // Comes when everybody else had theirs.
    setImmediate(() => {
      this.#endMs = null;
      this.#run();
    });
    return nowMs + TURN_MS;
  }
}
