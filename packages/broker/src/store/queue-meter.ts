/** Counts bytes that wait, and lets whoever brings more wait while they are over the bound. */
export class QueueMeter {
  readonly #bound: number;
  #bytes = 0;
  #waiting: (() => void)[] = [];

  constructor(boundBytes: number) {
    this.#bound = boundBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes < this.#bound) this.#release();
  }

  /** Nothing is counted any more: everybody who waits goes on. */
  clear(): void {
    this.#bytes = 0;
    this.#release();
  }

  async room(): Promise<void> {
    while (this.#bytes >= this.#bound) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  #release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }
}
