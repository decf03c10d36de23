/**
 * Numbers that look random and repeat from a seed: xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom
 * number generators", 2021), its state filled by steps of a Weyl sequence through a multiplicative hash.
 */
export class SeededRandom {
  readonly #state = new Uint32Array(4);

  constructor(...seeds: readonly number[]) {
    let mixed = 0x9e37_79b9;
    for (const seed of seeds) mixed = scramble(mixed ^ scramble((seed >>> 0) ^ Math.floor(seed / 2 ** 32)));
    for (let n = 0; n < 4; n += 1) {
      mixed = (mixed + 0x9e37_79b9) >>> 0;
      this.#state[n] = scramble(mixed);
    }
    // The generator stands still on all zeros.
    if (this.#state.every((word) => word === 0)) this.#state[0] = 1;
  }

  /** A double from 0 (included) to 1 (excluded), of 53 bits like `Math.random`. */
  next(): number {
    const high = this.#word() >>> 5;
    const low = this.#word() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  #word(): number {
    const state = this.#state;
    const second = state[1] as number;
    const result = Math.imul(rotate(Math.imul(second, 5), 7), 9) >>> 0;
    const shifted = second << 9;
    state[2] = (state[2] as number) ^ (state[0] as number);
    state[3] = (state[3] as number) ^ second;
    state[1] = second ^ (state[2] as number);
    state[0] = (state[0] as number) ^ (state[3] as number);
    state[2] = (state[2] as number) ^ shifted;
    state[3] = rotate(state[3] as number, 11);
    return result;
  }
}

const rotate = (word: number, by: number): number => ((word << by) | (word >>> (32 - by))) >>> 0;

/** Spreads the bits of a word over all of it. */
const scramble = (word: number): number => {
  let mixed = Math.imul(word ^ (word >>> 16), 0x9e37_79b1);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x6a09_e667);
  return (mixed ^ (mixed >>> 16)) >>> 0;
};
