import type { JournalChange } from '../journal/journal.js';

/** What an effect queue works through: changes to be saved, and everything else. */
export type QueuedEffect<E> = { readonly save: JournalChange } | { readonly perform: E };

export interface EffectQueuePort<E> {
  /** Resolves when the change is on disk; in the order of the calls. */
  save(change: JournalChange): Promise<void>;
  perform(effect: E): void;
  failed(thrown: unknown): void;
}

/**
 * One queue of effects in order. Saves begin at once, so that many share one write; whatever else stands after a save
 * waits until that save is on disk.
 */
export class EffectQueue<E> {
  readonly #port: EffectQueuePort<E>;
  /** Effects that wait, each with the number of saves that must be done before. */
  #waiting: { readonly after: number; readonly effect: E }[] = [];
  #saves = 0;
  #saved = 0;
  #idle: (() => void)[] = [];

  constructor(port: EffectQueuePort<E>) {
    this.#port = port;
  }

  push(effects: readonly QueuedEffect<E>[]): void {
    for (const effect of effects) {
      if ('save' in effect) this.#save(effect.save);
      else if (this.#waiting.length === 0 && this.#saved === this.#saves) this.#perform(effect.perform);
      else this.#waiting.push({ after: this.#saves, effect: effect.perform });
    }
  }

  /** Resolves when nothing waits. */
  async settled(): Promise<void> {
    while (this.#waiting.length > 0 || this.#saved < this.#saves) {
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve);
      });
    }
  }

  #save(change: JournalChange): void {
    this.#saves += 1;
    this.#port.save(change).then(
      () => {
        this.#saved += 1;
        this.#release();
      },
      (thrown) => this.#port.failed(thrown),
    );
  }

  #release(): void {
    let done = 0;
    for (const { after, effect } of this.#waiting) {
      if (after > this.#saved) break;
      done += 1;
      this.#perform(effect);
    }
    this.#waiting.splice(0, done);
    if (this.#waiting.length > 0 || this.#saved < this.#saves) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  #perform(effect: E): void {
    try {
      this.#port.perform(effect);
    } catch (thrown) {
      this.#port.failed(thrown);
    }
  }
}
