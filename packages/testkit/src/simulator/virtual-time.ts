interface Task {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void;
}

const isBefore = (a: Task, b: Task): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** Time that passes only when something is due. Tasks of one instant are done in the order in which they were set. */
export class VirtualTime {
  /** A heap: each task is due no later than its two children. */
  readonly #heap: Task[] = [];
  #order = 0;
  #nowMs = 0;
  #steps = 0;

  /** The true time, which no process of the simulated world can see. */
  get nowMs(): number {
    return this.#nowMs;
  }
  get steps(): number {
    return this.#steps;
  }

  at(atMs: number, act: () => void): void {
    this.#order += 1;
    const task = { atMs: Math.max(atMs, this.#nowMs), order: this.#order, act };
    const heap = this.#heap;
    let at = heap.length;
    heap.push(task);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Task;
      if (!isBefore(task, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = task;
  }

  after(ms: number, act: () => void): void {
    this.at(this.#nowMs + ms, act);
  }

  /** Does what is due next. @returns false when nothing is. */
  step(): boolean {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined) return false;
    if (last !== first) this.#sink(last);
    this.#nowMs = first.atMs;
    this.#steps += 1;
    first.act();
    return true;
  }

  #sink(task: Task): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Task, heap[child] as Task)) child += 1;
      const below = heap[child] as Task;
      if (!isBefore(below, task)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = task;
  }
}

/** A machine's monotonic clock: off by some, and a little too fast or too slow. */
export class MachineClock {
  readonly #time: VirtualTime;
  readonly #offsetMs: number;
  readonly #rate: number;

  constructor(time: VirtualTime, offsetMs: number, drift: number) {
    this.#time = time;
    this.#offsetMs = offsetMs;
    this.#rate = 1 + drift;
  }

  get nowMs(): number {
    return this.at(this.#time.nowMs);
  }
  /** What it shows at an instant of the true time. */
  at(trueMs: number): number {
    return this.#offsetMs + trueMs * this.#rate;
  }
  /** The true time at which it shows this. */
  whenShows(ownMs: number): number {
    return (ownMs - this.#offsetMs) / this.#rate;
  }
}
