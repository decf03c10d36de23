import type { ArrivalScenario } from './scenario.js';
import { countIn, firstIn, type Stripe } from './stripe.js';

/**
 * When the iterations of an arrival-rate scenario are due: slot i (0, 1, 2, … over the whole cluster) has an intended
 * start in integer microseconds of the run's clock. With R(t) starts due up to time t (the integral of the rate), slot i
 * is due when R passes i; the number of slots is the whole part of R at the end.
 */
export interface Schedule {
  /** Slots in all. */
  readonly slots: number;
  /** Intended start of slot i in microseconds since the run's start. */
  dueUs(slot: number): number;
  /** How many slots are due before this instant. */
  slotsBefore(us: number): number;
}

interface Piece {
  readonly startUs: number;
  readonly lengthUs: number;
  /** Starts per microsecond at both ends. */
  readonly from: number;
  readonly to: number;
  /** Starts due before this piece. */
  readonly before: number;
}

const piecesOf = (scenario: ArrivalScenario): readonly Piece[] => {
  const perUs = (rate: number) => rate / (scenario.timeUnitMs * 1_000);
  const startUs = scenario.startTimeMs * 1_000;
  if (scenario.executor === 'constant-arrival-rate') {
    const rate = perUs(scenario.rate);
    return [{ startUs, lengthUs: scenario.durationMs * 1_000, from: rate, to: rate, before: 0 }];
  }
  const pieces: Piece[] = [];
  let at = startUs;
  let rate = perUs(scenario.startRate);
  let before = 0;
  for (const stage of scenario.stages) {
    const target = perUs(stage.target);
    const lengthUs = stage.durationMs * 1_000;
    if (lengthUs > 0) pieces.push({ startUs: at, lengthUs, from: rate, to: target, before });
    before += ((rate + target) / 2) * lengthUs;
    at += lengthUs;
    rate = target;
  }
  return pieces;
};

/** Guards against 199.99999999 where 200 is meant. */
const EPSILON = 1e-6;

const areaTo = (piece: Piece, us: number): number =>
  piece.from * us + ((piece.to - piece.from) * us * us) / (2 * piece.lengthUs);

/** Solves area(x) = wanted within a piece, in the form that is stable for slopes near 0. */
const timeOf = (piece: Piece, wanted: number): number => {
  const slope = (piece.to - piece.from) / piece.lengthUs;
  const root = Math.sqrt(Math.max(0, piece.from * piece.from + 2 * slope * wanted));
  const sum = piece.from + root;
  return sum === 0 ? 0 : Math.min(piece.lengthUs, (2 * wanted) / sum);
};

/** The schedule of a scenario. */
export const scheduleOf = (scenario: ArrivalScenario): Schedule => {
  const pieces = piecesOf(scenario);
  const last = pieces.at(-1);
  const slots =
    last === undefined ? 0 : Math.floor(last.before + ((last.from + last.to) / 2) * last.lengthUs + EPSILON);
  const pieceOf = (slot: number): Piece | undefined => {
    for (const piece of pieces) {
      if (piece.before + ((piece.from + piece.to) / 2) * piece.lengthUs > slot + EPSILON) return piece;
    }
    return last;
  };
  const dueUs = (slot: number): number => {
    const piece = pieceOf(slot);
    if (piece === undefined) return 0;
    return Math.round(piece.startUs + timeOf(piece, Math.max(0, slot - piece.before)));
  };
  const areaAt = (us: number): number => {
    let area = 0;
    for (const piece of pieces) {
      if (us <= piece.startUs) break;
      area = piece.before + areaTo(piece, Math.min(us - piece.startUs, piece.lengthUs));
    }
    return area;
  };
  const slotsBefore = (us: number): number => {
    let guess = Math.min(slots, Math.max(0, Math.ceil(areaAt(us))));
    while (guess > 0 && dueUs(guess - 1) >= us) guess -= 1;
    while (guess < slots && dueUs(guess) < us) guess += 1;
    return guess;
  };
  return { slots, dueUs, slotsBefore };
};

/** How many slots of a stripe are due in [fromUs, toUs). */
export const countSlots = (schedule: Schedule, stripe: Stripe, fromUs: number, toUs: number): number =>
  Math.max(0, countIn(stripe, schedule.slotsBefore(toUs)) - countIn(stripe, schedule.slotsBefore(fromUs)));

/** Walks the slots of a stripe in order, without making anything per slot. */
export class SlotCursor {
  readonly #schedule: Schedule;
  #stripe: Stripe;
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
