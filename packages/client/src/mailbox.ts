/** Hands over what comes in to one reader at its own pace, bounded: beyond it the oldest go. */
export class Mailbox<T> {
  readonly #most: number;
  #items: T[] = [];
  #wake: (() => void) | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  put(item: T): void {
    this.#items.push(item);
    if (this.#items.length > this.#most) this.#items.shift();
    this.#wake?.();
  }

  /** Lets a waiting reader look again, with nothing new. */
  nudge(): void {
    this.#wake?.();
  }

  /** The oldest item; undefined when none came within the time or somebody nudged. */
  async take(waitMs: number): Promise<T | undefined> {
    if (this.#items.length === 0 && waitMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    return this.#items.shift();
  }
}
