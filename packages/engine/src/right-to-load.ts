/**
 * The right to load, in memory that the watchdog thread writes and the main loop reads: [until, generation]. Both are
 * aligned doubles, which are read and written whole on every platform that Node runs on.
 */
export class RightToLoad {
  readonly #grant: Float64Array;
  /** [turns of the main loop, 1 while the main loop has fallen silent]. */
  readonly #signs: Int32Array;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(32)) {
    this.#grant = new Float64Array(shared, 0, 2);
    this.#signs = new Int32Array(shared, 16, 2);
    this.shared = shared;
  }

  readonly shared: SharedArrayBuffer;

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
  /** Whether work may be started now. */
  allows(nowMs: number): boolean {
    return nowMs < (this.#grant[0] as number);
  }

  turn(): void {
    Atomics.add(this.#signs, 0, 1);
  }
  get turns(): number {
    return Atomics.load(this.#signs, 0);
  }
  set quiet(quiet: boolean) {
    Atomics.store(this.#signs, 1, quiet ? 1 : 0);
  }
  get quiet(): boolean {
    return Atomics.load(this.#signs, 1) === 1;
  }
}
