/** The four stamps of a beat: the first and last on the agent's clock, the middle two on the broker's. */
export interface BeatStamps {
  readonly sentMs: number;
  readonly receivedMs: number;
  readonly answeredMs: number;
  readonly arrivedMs: number;
}

/** Broker's clock minus the agent's, and how far from the truth that may be. */
export interface ClockEstimate {
  readonly offsetMs: number;
  readonly boundMs: number;
}

/** Beats that are looked back on. */
const KEPT = 16;

/**
 * Estimates the offset of the broker's clock as NTP does (RFC 5905, section 8): the beat with the least round trip of the
 * last 16 decides. Half of its round trip bounds the error whatever the two ways took; drift is added from its sending on.
 */
export class ClockEstimator {
  readonly #drift: number;
  #beats: { readonly offsetMs: number; readonly roundTripMs: number; readonly sentMs: number }[] = [];

  /** @param drift of the two clocks against each other, as a fraction */
  constructor(drift: number) {
    this.#drift = drift;
  }

  add({ sentMs, receivedMs, answeredMs, arrivedMs }: BeatStamps): void {
    const roundTripMs = arrivedMs - sentMs - (answeredMs - receivedMs);
    // Stamps that can't be: an answer to a beat of another life, or a peer that makes them up.
    if (arrivedMs < sentMs || answeredMs < receivedMs || roundTripMs < 0) return;
    const offsetMs = (receivedMs - sentMs + (answeredMs - arrivedMs)) / 2;
    this.#beats = [...this.#beats.slice(1 - KEPT), { offsetMs, roundTripMs, sentMs }];
  }

  /** Null before the first answer. */
  at(nowMs: number): ClockEstimate | null {
    const [first, ...rest] = this.#beats;
    if (first === undefined) return null;
    const best = rest.reduce((least, beat) => (beat.roundTripMs <= least.roundTripMs ? beat : least), first);
    return { offsetMs: best.offsetMs, boundMs: best.roundTripMs / 2 + this.#drift * Math.max(0, nowMs - best.sentMs) };
  }

  /** The broker is another one now, perhaps on another machine. */
  forget(): void {
    this.#beats = [];
  }
}
