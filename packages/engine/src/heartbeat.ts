const BEAT_MS = 10;

/**
 * Notes that the event loop turns, and how late: by one timer, for everybody who must know. It runs from the first
 * moment on, for a bundle may block while it is loaded.
 */
export class Heartbeat {
  readonly #listeners: ((nowMs: number) => void)[] = [];
  /** `performance.now()` at the latest turn. */
  lastTurnMs = performance.now();
  #worstLagMs = 0;

  constructor() {
    setInterval(() => this.#beat(), BEAT_MS);
  }

  #beat(): void {
    const nowMs = performance.now();
    this.#worstLagMs = Math.max(this.#worstLagMs, nowMs - this.lastTurnMs - BEAT_MS);
    this.lastTurnMs = nowMs;
    for (const listener of this.#listeners) listener(nowMs);
  }

  /** Called at each beat, about every 10 ms. */
  onBeat(listener: (nowMs: number) => void): void {
    this.#listeners.push(listener);
  }
  /** The longest delay since the last call. */
  takeLagMs(): number {
    const lagMs = this.#worstLagMs;
    this.#worstLagMs = 0;
    return Math.max(0, lagMs);
  }
}
