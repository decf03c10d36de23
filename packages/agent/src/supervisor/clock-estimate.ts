/** Crystals of two machines may drift apart by so much: 100 µs a second, twice what is usual. */
const DRIFT = 100e-6;
const KEPT = 16;

interface Sample {
  readonly offsetMs: number;
  readonly roundTripMs: number;
  readonly atMs: number;
}

/** The four stamps of a beat: sent and received on the agent's clock, heard and answered on the broker's. */
export interface Stamps {
  readonly sentMs: number;
  readonly heardMs: number;
  readonly answeredMs: number;
  readonly receivedMs: number;
}

/**
 * The broker's clock minus the agent's, and the bound of the error, as NTP does it (RFC 5905, section 8): the sample of
 * the least round trip among the last 16 counts; its error is at most half the round trip, plus the drift since.
 */
export class ClockEstimate {
  #samples: Sample[] = [];

  add({ sentMs, heardMs, answeredMs, receivedMs }: Stamps): void {
    const roundTripMs = Math.max(0, receivedMs - sentMs - (answeredMs - heardMs));
    const offsetMs = (heardMs - sentMs + (answeredMs - receivedMs)) / 2;
    this.#samples = [...this.#samples.slice(1 - KEPT), { offsetMs, roundTripMs, atMs: receivedMs }];
  }

  /** Null before the first sample. */
  at(nowMs: number): { readonly offsetMs: number; readonly boundMs: number } | null {
    let best: { offsetMs: number; boundMs: number } | null = null;
    for (const sample of this.#samples) {
      const boundMs = sample.roundTripMs / 2 + Math.max(0, nowMs - sample.atMs) * DRIFT;
      if (best === null || boundMs < best.boundMs) best = { offsetMs: sample.offsetMs, boundMs };
    }
    return best;
  }

  /** Another broker process: another clock. */
  reset(): void {
    this.#samples = [];
  }
}
