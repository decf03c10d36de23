/** Layout of the shared memory in bytes: two doubles, then two 32-bit integers. */
const SHARED_BYTES = 24;

/**
 * The right to load, in memory that the watchdog thread writes and the main loop reads: until when, and by which plan.
 * Both are aligned doubles, which are read and written whole on every platform that Node runs on. The main loop leaves
 * two signs in it: that it turns, and that it has fallen silent.
 */
export class RightToLoad {
  readonly shared: SharedArrayBuffer;
  readonly #grant: Float64Array;
  readonly #signs: Int32Array;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(SHARED_BYTES)) {
    this.shared = shared;
    this.#grant = new Float64Array(shared, 0, 2);
    this.#signs = new Int32Array(shared, 16, 2);
  }

  /** Machine clock: past it nothing may be started. 0 before the first grant. */
  get until(): number {
    return this.#grant[0] as number;
  }
  get generation(): number {
    return this.#grant[1] as number;
  }
  grant(generation: number, until: number): void {
    this.#grant[1] = generation;
    this.#grant[0] = until;
  }
  /** Whether work may be started at this instant of the machine's clock by who holds plans up to a generation. */
  allows(nowMs: number, heldGeneration: number): boolean {
    return nowMs < (this.#grant[0] as number) && (this.#grant[1] as number) <= heldGeneration;
  }

  /** The main loop has turned once more. */
  turn(): void {
    Atomics.add(this.#signs, 0, 1);
  }
  get turns(): number {
    return Atomics.load(this.#signs, 0);
  }
  /** The main loop knows that it may not start anything. */
  set quiet(quiet: boolean) {
    Atomics.store(this.#signs, 1, quiet ? 1 : 0);
  }
  get quiet(): boolean {
    return Atomics.load(this.#signs, 1) === 1;
  }
}
