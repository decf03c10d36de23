import type { SeriesSet } from '@muster/metrics';

/** How many virtual users this worker has: made so far, at work now, and at most in the second that is open. */
export class UserCounts {
  #made = 0;
  #active = 0;
  #peak = 0;

  get made(): number {
    return this.#made;
  }
  get active(): number {
    return this.#active;
  }

  /** One more was made. @returns its number on this worker, from 1 */
  make(): number {
    this.#made += 1;
    return this.#made;
  }
  change(by: number): void {
    this.#active += by;
    if (this.#active > this.#peak) this.#peak = this.#active;
  }

  /** Notes the levels of a second: of those at work the highest, so that none who came and went is missed. */
  note(series: SeriesSet, second: number): void {
    const atMs = second * 1_000;
    series.gauge('vus', {}).add(this.#peak, atMs);
    series.gauge('vus_max', {}).add(this.#made, atMs);
    this.#peak = this.#active;
  }
}
