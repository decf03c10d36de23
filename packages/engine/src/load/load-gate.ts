import { toMachineMs } from '../clock.js';
import type { RightToLoad } from '../right-to-load.js';

/** While somebody waits for the right to load, it is looked for so often. */
const LOOK_MS = 5;

/** Asked before every start: is there a right to load? Who must wait is told when it is back. */
export class LoadGate {
  readonly #right: RightToLoad;
  /** Highest generation of which the plan is held. */
  #generation = 0;
  #waiting: Promise<void> | null = null;
  #open: (() => void) | null = null;

  constructor(right: RightToLoad) {
    this.#right = right;
  }

  hold(generation: number): void {
    this.#generation = Math.max(this.#generation, generation);
  }

  /** @param nowMs `performance.now()` */
  isOpen(nowMs: number): boolean {
    return this.#right.allows(toMachineMs(nowMs), this.#generation);
  }

  /** Resolves when the gate is open, or when {@link release} says that everybody shall look again. */
  wait(): Promise<void> {
    this.#waiting ??= new Promise((resolve) => {
      this.#open = resolve;
      this.#look();
    });
    return this.#waiting;
  }

  release(): void {
    const open = this.#open;
    this.#open = null;
    this.#waiting = null;
    open?.();
  }

  #look(): void {
    setTimeout(() => {
      if (this.#open === null) return;
      if (this.isOpen(performance.now())) this.release();
      else this.#look();
    }, LOOK_MS);
  }
}
