/** Layout: a double with the instant, then a 32-bit integer that changes with it. */
const SHARED_BYTES = 16;

/** The instant at which the pacing thread shall wake the main loop, in memory that both share. Machine clock. */
export class PacingMemory {
  readonly shared: SharedArrayBuffer;
  readonly #instant: Float64Array;
  readonly #version: Int32Array;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(SHARED_BYTES)) {
    this.shared = shared;
    this.#instant = new Float64Array(shared, 0, 1);
    this.#version = new Int32Array(shared, 8, 1);
  }

  /** The main loop's side. */
  set(machineMs: number): void {
    this.#instant[0] = machineMs;
    Atomics.add(this.#version, 0, 1);
    Atomics.notify(this.#version, 0);
  }

  /** The thread's side. */
  get version(): number {
    return Atomics.load(this.#version, 0);
  }
  get machineMs(): number {
    return this.#instant[0] as number;
  }
  /** Blocks for so long, or until the instant is not the one of this version any more. */
  waitWhile(version: number, ms: number): void {
    Atomics.wait(this.#version, 0, version, ms);
  }
}
