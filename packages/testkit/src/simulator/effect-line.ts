import type { Random } from './random.js';
import type { SimProcess } from './sim-process.js';
import type { VirtualTime } from './virtual-time.js';

/** A change of the journal. */
export interface Change {
  readonly key: string;
  /** Undefined: the key is taken away. */
  readonly value: unknown;
}

export interface EffectLinePort<E> {
  /** Longest time that a write takes now. */
  saveMs(): number;
  durable(change: Change): void;
  perform(effect: E): void;
}

/**
 * The broker's one queue of effects: what stands after a save is carried out when that is on disk. Writes take a while,
 * and take along what has come together meanwhile. When the process dies, of a write under way any beginning may be on
 * disk, and nothing of what waits happens.
 */
export class EffectLine<E> {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #process: SimProcess;
  readonly #port: EffectLinePort<E>;
  #waiting: { readonly after: number; readonly effect: E }[] = [];
  #unwritten: Change[] = [];
  #writing: Change[] = [];
  #saves = 0;
  #saved = 0;

  constructor(time: VirtualTime, random: Random, process: SimProcess, port: EffectLinePort<E>) {
    this.#time = time;
    this.#random = random;
    this.#process = process;
    this.#port = port;
  }

  save(change: Change): void {
    this.#saves += 1;
    this.#unwritten.push(change);
    if (this.#writing.length === 0) this.#write();
  }

  push(effect: E): void {
    if (this.#waiting.length === 0 && this.#saves === this.#saved) this.#port.perform(effect);
    else this.#waiting.push({ after: this.#saves, effect });
  }

  #write(): void {
    this.#writing = this.#unwritten;
    this.#unwritten = [];
    // The disk goes on with a write while the process stands still.
    const { life } = this.#process;
    const takesMs = 0.05 + this.#random.unit() * this.#port.saveMs();
    this.#time.after(takesMs, () => {
      if (life !== this.#process.life) return;
      for (const change of this.#writing) this.#port.durable(change);
      const count = this.#writing.length;
      this.#writing = [];
      this.#process.now(() => {
        this.#saved += count;
        this.#release();
        if (this.#unwritten.length > 0 && this.#writing.length === 0) this.#write();
      });
    });
  }

  #release(): void {
    const { life } = this.#process;
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || first.after > this.#saved) return;
      this.#waiting.shift();
      if (!this.#process.burn(life)) return;
      this.#port.perform(first.effect);
    }
  }

  /** The process is dead. */
  died(): void {
    const reached = this.#random.whole(0, this.#writing.length);
    for (const change of this.#writing.slice(0, reached)) this.#port.durable(change);
  }
}
