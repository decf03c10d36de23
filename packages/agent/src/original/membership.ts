import { NEVER, type Turn } from '../supervisor/turn.js';
import type { MembershipEffect, MembershipEvent, OriginalPlace } from './events.js';

/**
 * An agent's membership at a broker of the original, which acknowledges nothing: it registers when it comes, when the
 * connection comes back, and at each sign of the heartbeat. Not while it works: such a broker forgets its agents before
 * it asks them to register, and would take one that works for idle.
 */
export class Membership {
  readonly #lostMs: number;
  readonly #isBusy: () => boolean;
  readonly #lost: (turn: Turn) => void;
  #place: OriginalPlace | null = null;
  /** Last sign of the heartbeat. */
  #heardMs = 0;
  #owed = false;
  #isOver = false;

  /**
   * @param lostMs a broker with a heartbeat that is silent for so long is lost
   * @param lost it is lost, and nothing runs here
   */
  constructor(lostMs: number, isBusy: () => boolean, lost: (turn: Turn) => void) {
    this.#lostMs = lostMs;
    this.#isBusy = isBusy;
    this.#lost = lost;
  }

  /** Whether the agent speaks the original. */
  get isMember(): boolean {
    return this.#place !== null;
  }

  handle(turn: Turn, event: MembershipEvent): void {
    this.#heardMs = turn.nowMs;
    if (event.type === 'place') {
      if (this.#place !== null) return;
      this.#place = event.place;
      turn.log('info', 'a broker of the original answered: this agent speaks as its agents do from now on');
      this.#do(turn, { type: 'join', place: event.place });
    }
    this.#owed = true;
  }

  /** The agent leaves. */
  leave(turn: Turn): void {
    if (this.#place === null || this.#isOver) return;
    this.#isOver = true;
    this.#do(turn, { type: 'unregister' });
  }

  get nextMs(): number {
    if (this.#place?.heartbeat === undefined || this.#place.heartbeat === null || this.#isOver) return NEVER;
    return this.#isBusy() ? NEVER : this.#heardMs + this.#lostMs;
  }

  due(turn: Turn): void {
    if (this.#place === null || this.#isOver || this.#isBusy()) return;
    if (this.#owed) {
      this.#owed = false;
      this.#do(turn, { type: 'register' });
    }
    if (turn.nowMs >= this.nextMs) this.#lost(turn);
  }

  #do(turn: Turn, effect: MembershipEffect): void {
    turn.do({ type: 'membership', effect });
  }
}
