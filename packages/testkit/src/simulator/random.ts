/**
 * Random numbers from one seed: sfc32 (Chris Doty-Humphrey, PractRand), small, fast, and the same everywhere. A part of
 * the world that draws from a generator of its own does not disturb the others when it draws more or less.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream = 0) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 2 ** 32) | 0;
    this.#c = stream | 0;
    for (let n = 0; n < 12; n += 1) this.#next();
  }

  #next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** In [0, 1). */
  unit(): number {
    return this.#next() / 2 ** 32;
  }
  between(from: number, to: number): number {
    return from + this.unit() * (to - from);
  }
  /** A whole number in [from, to]. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.unit() * (to - from + 1));
  }
  chance(probability: number): boolean {
    return this.unit() < probability;
  }
  one<T>(of: readonly [T, ...T[]]): T {
    return of[Math.floor(this.unit() * of.length)] ?? of[0];
  }
  hex(digits: number): string {
    let text = '';
    while (text.length < digits) text += this.#next().toString(16).padStart(8, '0');
    return text.slice(0, digits);
  }
}
