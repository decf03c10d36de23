import type { Random } from './random.js';
import type { VirtualTime } from './virtual-time.js';

/** How a way through the network behaves. */
export interface Weather {
  /** Least delay of each message. */
  readonly delayMs: number;
  /** Further delay, drawn for each. */
  readonly jitterMs: number;
  /** Now and then one takes this much longer, and those behind it wait. */
  readonly spikeMs: number;
  readonly loss: number;
  readonly repeats: number;
}

/**
 * One direction of one connection: what arrives arrives in order, after a while, if at all. Several connections know
 * nothing of each other's order.
 */
export class Pipe<M> {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #weather: Weather;
  readonly #arrive: (message: M) => void;
  #lastMs = 0;
  #heldUntilMs = 0;
  /** Messages sent before this one are gone. */
  #lostBefore = 0;
  #sent = 0;

  constructor(time: VirtualTime, random: Random, weather: Weather, arrive: (message: M) => void) {
    this.#time = time;
    this.#random = random;
    this.#weather = weather;
    this.#arrive = arrive;
  }

  send(message: M): void {
    const { loss, repeats } = this.#weather;
    if (loss > 0 && this.#random.chance(loss)) return;
    this.#schedule(message);
    if (repeats > 0 && this.#random.chance(repeats)) this.#schedule(message);
  }

  #schedule(message: M): void {
    const { delayMs, jitterMs, spikeMs } = this.#weather;
    const spike = spikeMs > 0 && this.#random.chance(0.02) ? this.#random.between(0, spikeMs) : 0;
    const takesMs = delayMs + this.#random.unit() * jitterMs + spike;
    const atMs = Math.max(this.#lastMs, this.#heldUntilMs, this.#time.nowMs + takesMs);
    this.#lastMs = atMs;
    this.#sent += 1;
    const number = this.#sent;
    this.#time.at(atMs, () => {
      if (number > this.#lostBefore) this.#arrive(message);
    });
  }

  /** Nothing that is sent from now on arrives before. */
  holdUntil(trueMs: number): void {
    this.#heldUntilMs = Math.max(this.#heldUntilMs, trueMs);
  }

  /** The connection breaks: what is under way is gone, but for what the other end has received by now. */
  break(): void {
    this.#lostBefore = this.#sent;
  }
}
