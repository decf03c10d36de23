import type { VirtualTime } from './virtual-time.js';

/**
 * A process of the simulated world: it lives, stands still (SIGSTOP), goes on, dies and is started again. What is due
 * while it stands still is done when it goes on; what is due after its death is not done.
 */
export class SimProcess {
  readonly #time: VirtualTime;
  /** Counts its lives; 0 and even: dead. */
  #life = 0;
  #held: (() => void)[] | null = null;
  /** Effects to be carried out until it dies; null: it does not. */
  #fuse: number | null = null;
  readonly #died: () => void;

  /** @param died what happens to everything around when it dies */
  constructor(time: VirtualTime, died: () => void) {
    this.#time = time;
    this.#died = died;
  }

  get isAlive(): boolean {
    return this.#life % 2 === 1;
  }
  get isStill(): boolean {
    return this.#held !== null;
  }
  /** Changes with each start and each death. */
  get life(): number {
    return this.#life;
  }

  start(): void {
    if (!this.isAlive) this.#life += 1;
  }
  kill(): void {
    if (!this.isAlive) return;
    this.#life += 1;
    this.#held = null;
    this.#fuse = null;
    this.#died();
  }
  freeze(): void {
    if (this.isAlive) this.#held ??= [];
  }
  thaw(): void {
    const held = this.#held;
    this.#held = null;
    for (const act of held ?? []) this.now(act);
  }

  /** Dies after so many further effects; null: does not after all. */
  light(effects: number | null): void {
    if (this.isAlive) this.#fuse = effects;
  }
  /** To be asked before each effect. @returns false when it is dead by now. */
  burn(life: number): boolean {
    if (life !== this.#life) return false;
    if (this.#fuse === null) return true;
    this.#fuse -= 1;
    if (this.#fuse >= 0) return true;
    this.kill();
    return false;
  }

  /** Does something in this process, now or when it goes on. */
  now(act: () => void): void {
    if (!this.isAlive) return;
    if (this.#held === null) {
      act();
      return;
    }
    const life = this.#life;
    this.#held.push(() => {
      if (life === this.#life) act();
    });
  }

  /** Does something in this process after a while, if it lives so long. */
  after(ms: number, act: () => void): void {
    this.at(this.#time.nowMs + ms, act);
  }
  at(atMs: number, act: () => void): void {
    const life = this.#life;
    this.#time.at(atMs, () => {
      if (life === this.#life) this.now(act);
    });
  }
}
