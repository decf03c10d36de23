import type { SupervisorConfig } from './supervisor-config.js';
import { earliest, NEVER, type Turn } from './turn.js';

/**
 * Whether the agent takes runs.
 *
 * | state    | what happens                        | next     | and                                         |
 * |----------|-------------------------------------|----------|---------------------------------------------|
 * | taking   | `drain`                             | draining | a run in progress goes on; no further one   |
 * | taking, draining | `quit`                      | leaving  | a run in progress is stopped gracefully     |
 * | leaving  | `quit`                              | leaving  | a run in progress is killed; no more flush  |
 * | leaving  | no run, and the outbox is empty, or time is over, or there is no broker | gone | `exit` |
 */
type State =
  | { readonly s: 'taking' }
  | { readonly s: 'draining' }
  /** `flushedMs`: until when the outbox may still be acknowledged; null while a run is in progress. */
  | { readonly s: 'leaving'; readonly flushedMs: number | null }
  | { readonly s: 'gone' };
export type ServiceState = State['s'];

/** What the service asks of the supervisor that it belongs to. */
export interface ServicePort {
  /** Something is in progress, of either dialect. */
  isBusy(): boolean;
  /** Stops what is in progress gracefully. */
  stop(turn: Turn): void;
  /** The same at once: whoever asked has asked twice. */
  kill(turn: Turn): void;
  /** Lets go of a run that is over here: whether the broker has read that is not worth staying for. */
  letGo(turn: Turn): void;
  /** Results wait, and a broker is there that may take them. */
  isFlushing(): boolean;
  /** Since when there is no broker of ours; null when there is one, or the agent works for one of the original. */
  lonelySinceMs(): number | null;
  /** The agent is gone. */
  left(turn: Turn): void;
}

/** From the start of the agent to its end: whether it takes runs, and when it leaves, told to or by itself. */
export class Service {
  readonly #config: Pick<SupervisorConfig, 'flushMs' | 'maxAgeMs' | 'quitWhenOrphaned' | 'brokerLostMs'>;
  readonly #port: ServicePort;
  #state: State = { s: 'taking' };
  /** When the agent began; null before. */
  #bornMs: number | null = null;

  constructor(config: SupervisorConfig, port: ServicePort) {
    this.#config = config;
    this.#port = port;
  }

  get state(): ServiceState {
    return this.#state.s;
  }

  begin(turn: Turn): void {
    this.#bornMs = turn.nowMs;
  }

  drain(): void {
    if (this.#state.s === 'taking') this.#state = { s: 'draining' };
  }

  quit(turn: Turn): void {
    if (this.#state.s === 'leaving') {
      this.#state = { s: 'leaving', flushedMs: turn.nowMs };
      this.#port.kill(turn);
      return;
    }
    this.#state = { s: 'leaving', flushedMs: null };
    this.#port.stop(turn);
  }

  brokerLost(turn: Turn): void {
    if (this.#state.s === 'leaving') return;
    turn.log('warn', 'the broker is lost, and nothing runs here: this agent leaves');
    this.quit(turn);
  }

  get nextMs(): number {
    const flushedMs = this.#state.s === 'leaving' && !this.#port.isBusy() ? this.#state.flushedMs : null;
    return earliest(this.#retireMs, flushedMs ?? NEVER);
  }

  due(turn: Turn): void {
    this.#retire(turn);
    this.#leave(turn);
  }

  /** When an agent that has nothing to do leaves by itself. */
  get #retireMs(): number {
    const { maxAgeMs, quitWhenOrphaned, brokerLostMs } = this.#config;
    if (this.#bornMs === null || this.#port.isBusy() || this.#state.s === 'leaving') return NEVER;
    const lonelySinceMs = quitWhenOrphaned ? this.#port.lonelySinceMs() : null;
    const lonelyMs = lonelySinceMs === null ? NEVER : Math.max(this.#bornMs, lonelySinceMs) + brokerLostMs;
    return earliest(this.#bornMs + maxAgeMs, lonelyMs);
  }

  #retire(turn: Turn): void {
    if (turn.nowMs < this.#retireMs) return;
    if (this.#bornMs !== null && turn.nowMs >= this.#bornMs + this.#config.maxAgeMs) {
      turn.log('info', 'this agent is as old as it may become');
      this.quit(turn);
    } else this.brokerLost(turn);
  }

  /** Goes when there is nothing left to do, or nobody to do it for. */
  #leave(turn: Turn): void {
    if (this.#state.s !== 'leaving') return;
    this.#port.letGo(turn);
    if (this.#port.isBusy()) return;
    const flushedMs = this.#state.flushedMs ?? turn.nowMs + this.#config.flushMs;
    this.#state = { s: 'leaving', flushedMs };
    if (this.#port.isFlushing() && turn.nowMs < flushedMs) return;
    this.#state = { s: 'gone' };
    this.#port.left(turn);
  }
}
