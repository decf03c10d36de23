import type { ArrivalScenario, ConstantArrivalRate, RampingArrivalRate } from './scenario.js';
import { countIn, firstIn, type Stripe } from './stripe.js';

/**
 * When the iterations of an arrival-rate scenario are due: slot i (0, 1, 2, … over the whole cluster) has an intended
 * start in integer microseconds of the run's clock. With R(t) starts due up to time t (the integral of the rate), slot i
 * is due when R passes i, and always before the scenario's end.
 *
 * How many there are is k6's count: of a constant rate every slot that is due before the end, so a part of a period at
 * the end has one too; of a ramp as many as R has whole starts at the end.
 */
export interface Schedule {
  /** Slots in all. */
  readonly slots: number;
  /** Intended start of slot i in microseconds since the run's start. */
  dueUs(slot: number): number;
  /** How many slots are due before this instant; which is also the first slot that is due at it or after. */
  slotsBefore(us: number): number;
}

/** Guards against 199.99999999 where 200 is meant. */
const EPSILON = 1e-6;

const toUs = (ms: number): number => Math.round(ms * 1_000);

/** The schedule of a scenario. */
export const scheduleOf = (scenario: ArrivalScenario): Schedule =>
  scenario.executor === 'constant-arrival-rate' ? constantSchedule(scenario) : rampingSchedule(scenario);

/** Slot i is due i · timeUnit / rate after the start: one multiplication and one division, no sum that drifts. */
const constantSchedule = (scenario: ConstantArrivalRate): Schedule => {
  const { rate } = scenario;
  const unitUs = scenario.timeUnitMs * 1_000;
  const startUs = toUs(scenario.startTimeMs);
  const lengthUs = toUs(scenario.durationMs);
  const lastUs = startUs + Math.max(0, lengthUs - 1);
  const slots = Math.max(0, Math.ceil((lengthUs * rate) / unitUs - EPSILON));
  const dueUs = (slot: number): number => Math.min(lastUs, startUs + Math.round((slot * unitUs) / rate));
  return withCount(slots, dueUs, (us) => ((us - startUs) * rate) / unitUs);
};

interface Piece {
  readonly startUs: number;
  readonly lengthUs: number;
  /** Starts per microsecond at both ends. */
  readonly from: number;
  readonly to: number;
  /** Starts due before this piece, and before its end. */
  readonly before: number;
  readonly after: number;
}

/** The stages that last; one of no length only sets the rate from which the next begins. */
const piecesOf = (scenario: RampingArrivalRate): readonly Piece[] => {
  const perUs = (rate: number) => rate / (scenario.timeUnitMs * 1_000);
  const pieces: Piece[] = [];
  let startUs = toUs(scenario.startTimeMs);
  let from = perUs(scenario.startRate);
  let before = 0;
  for (const stage of scenario.stages) {
    const to = perUs(stage.target);
    const lengthUs = toUs(stage.durationMs);
    const after = before + ((from + to) / 2) * lengthUs;
    if (lengthUs > 0) pieces.push({ startUs, lengthUs, from, to, before, after });
    before = after;
    startUs += lengthUs;
    from = to;
  }
  return pieces;
};

/** Starts due within a piece up to an instant of it: from · t + slope · t² / 2. */
const areaTo = (piece: Piece, us: number): number =>
  piece.from * us + ((piece.to - piece.from) * us * us) / (2 * piece.lengthUs);

/** The instant of a piece at which so many starts are due in it: the root, in the form that is stable for flat slopes. */
const timeOf = (piece: Piece, wanted: number): number => {
  const slope = (piece.to - piece.from) / piece.lengthUs;
  const root = Math.sqrt(Math.max(0, piece.from * piece.from + 2 * slope * wanted));
  const sum = piece.from + root;
  return sum === 0 ? 0 : Math.min(piece.lengthUs, (2 * wanted) / sum);
};

const rampingSchedule = (scenario: RampingArrivalRate): Schedule => {
  const pieces = piecesOf(scenario);
  const last = pieces.at(-1);
  if (last === undefined) return { slots: 0, dueUs: () => 0, slotsBefore: () => 0 };
  const lastUs = last.startUs + last.lengthUs - 1;
  /** The first piece in which more than this slot becomes due: while the rate is 0, a slot waits for what follows. */
  const pieceOf = (slot: number): Piece => {
    let low = 0;
    let high = pieces.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((pieces[middle] as Piece).after > slot + EPSILON) high = middle;
      else low = middle + 1;
    }
    return pieces[low] as Piece;
  };
  const dueUs = (slot: number): number => {
    const piece = pieceOf(slot);
    return Math.min(lastUs, Math.round(piece.startUs + timeOf(piece, Math.max(0, slot - piece.before))));
  };
  const areaAt = (us: number): number => {
    let area = 0;
    for (const piece of pieces) {
      if (us <= piece.startUs) break;
      area = piece.before + areaTo(piece, Math.min(us - piece.startUs, piece.lengthUs));
    }
    return area;
  };
  return withCount(Math.floor(last.after + EPSILON), dueUs, areaAt);
};

/** Adds the count of slots before an instant: the integral gives it but for rounding, `dueUs` has the last word. */
const withCount = (slots: number, dueUs: (slot: number) => number, areaAt: (us: number) => number): Schedule => ({
  slots,
  dueUs,
  slotsBefore: (us) => {
    let guess = Math.min(slots, Math.max(0, Math.ceil(areaAt(us))));
    while (guess > 0 && dueUs(guess - 1) >= us) guess -= 1;
    while (guess < slots && dueUs(guess) < us) guess += 1;
    return guess;
  },
});

/** How many slots of a stripe are due in [fromUs, toUs). */
export const countSlots = (schedule: Schedule, stripe: Stripe, fromUs: number, toUs: number): number =>
  Math.max(0, countIn(stripe, schedule.slotsBefore(toUs)) - countIn(stripe, schedule.slotsBefore(fromUs)));

/** Walks the slots of a stripe in order, without making anything per slot. */
export class SlotCursor {
  readonly #schedule: Schedule;
  readonly #stripe: Stripe;
  #slot: number;
  #dueUs: number;
  #endUs: number;

  /** Slots that are due from `fromUs` on and before `endUs`. */
  constructor(schedule: Schedule, stripe: Stripe, fromUs = 0, endUs = Number.POSITIVE_INFINITY) {
    this.#schedule = schedule;
    this.#stripe = stripe;
    this.#slot = firstIn(stripe, schedule.slotsBefore(fromUs));
    this.#endUs = endUs;
    this.#dueUs = this.#due();
  }

  #due(): number {
    if (this.#slot >= this.#schedule.slots) return Number.POSITIVE_INFINITY;
    const due = this.#schedule.dueUs(this.#slot);
    return due < this.#endUs ? due : Number.POSITIVE_INFINITY;
  }

  /** Index of the next slot. */
  get slot(): number {
    return this.#slot;
  }
  /** Intended start of the next slot; infinite when there is none. */
  get dueUs(): number {
    return this.#dueUs;
  }

  advance(): void {
    this.#slot += this.#stripe.period;
    this.#dueUs = this.#due();
  }

  /** From now on nothing that is due at or after this instant: the plan that follows owns it. */
  endAt(us: number): void {
    this.#endUs = Math.min(this.#endUs, us);
    this.#dueUs = this.#due();
  }
}
