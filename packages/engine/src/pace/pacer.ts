/** Somebody who wants to be called at an instant. One instant at a time: a later call of {@link at} replaces it. */
export interface Alarm {
  /** Rings as soon as `performance.now()` has reached this instant, never before. */
  at(performanceMs: number): void;
  close(): void;
}

/** What wakes the pacer: a thread that is precise, or a timer that is not. */
export interface WakeSource {
  /** Calls `wake` at this instant or a little later; replaces the one before. Infinite: not at all. */
  set(performanceMs: number): void;
}

/**
 * At a high rate alarms follow each other closer than the event loop can turn: they ring together, at least so far
 * apart, for a wake costs as much as a request does.
 */
const MIN_GAP_MS = 0.25;

class PacerAlarm implements Alarm {
  readonly #pacer: Pacer;
  readonly ring: () => void;
  dueMs = Number.POSITIVE_INFINITY;

  constructor(pacer: Pacer, ring: () => void) {
    this.#pacer = pacer;
    this.ring = ring;
  }
  at(performanceMs: number): void {
    this.dueMs = performanceMs;
    this.#pacer.arm();
  }
  close(): void {
    this.dueMs = Number.POSITIVE_INFINITY;
    this.#pacer.remove(this);
  }
}

/** Rings the alarms of all scenarios with a schedule, by one source of wakes. */
export class Pacer {
  readonly #alarms = new Set<PacerAlarm>();
  readonly #makeSource: (wake: () => void) => WakeSource;
  #source: WakeSource | null = null;
  #lastRingMs = Number.NEGATIVE_INFINITY;
  #armedMs = Number.POSITIVE_INFINITY;
  #ringing = false;

  /** @param makeSource called when the first alarm is made: who has no schedule needs none */
  constructor(makeSource: (wake: () => void) => WakeSource) {
    this.#makeSource = makeSource;
  }

  alarm(ring: () => void): Alarm {
    this.#source ??= this.#makeSource(() => this.#wake());
    const alarm = new PacerAlarm(this, ring);
    this.#alarms.add(alarm);
    return alarm;
  }
  remove(alarm: PacerAlarm): void {
    this.#alarms.delete(alarm);
    this.arm();
  }

  /** Tells the source of the earliest alarm. */
  arm(): void {
    if (this.#ringing) return;
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const alarm of this.#alarms) if (alarm.dueMs < earliestMs) earliestMs = alarm.dueMs;
    const atMs = Math.max(earliestMs, this.#lastRingMs + MIN_GAP_MS);
    if (atMs === this.#armedMs) return;
    this.#armedMs = atMs;
    this.#source?.set(atMs);
  }

  #wake(): void {
    const nowMs = performance.now();
    this.#armedMs = Number.POSITIVE_INFINITY;
    this.#ringing = true;
    for (const alarm of [...this.#alarms]) {
      if (alarm.dueMs > nowMs) continue;
      alarm.dueMs = Number.POSITIVE_INFINITY;
      this.#lastRingMs = nowMs;
      alarm.ring();
    }
    this.#ringing = false;
    this.arm();
  }
}

/** Wakes by a timer of Node: up to a millisecond late. */
export class TimerSource implements WakeSource {
  readonly #wake: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  set(performanceMs: number): void {
    clearTimeout(this.#timer);
    if (performanceMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.min(2_147_483_647, Math.max(0, performanceMs - performance.now()));
    this.#timer = setTimeout(() => this.#wake(), waitMs);
  }
}
