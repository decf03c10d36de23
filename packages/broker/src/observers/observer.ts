import type { Logger } from '../log.js';
import type { ObserverOption, ObserverValue } from './observer-option.js';
import type { RunEnd } from './run-end.js';

/** Is told when a run has ended. Its failure is its own: neither the run nor other observers notice. */
export interface Observer {
  readonly name: string;
  /** What it can be told, by name. Nothing else is taken. */
  readonly options: Readonly<Record<string, ObserverOption>>;
  /**
   * Tells once. Throws when it could not: `OBSERVER_REFUSED` when another try would not help either, anything else when
   * it might.
   */
  finished(end: RunEnd, context: ObserverContext): Promise<void> | void;
}

export interface ObserverContext {
  /** Read by the observer's table; what has neither a value nor a default is not there. */
  readonly options: ObserverValues;
  readonly log: Logger;
  /** How long this try may take. */
  readonly limitMs: number;
  /** Aborted when the time of this try is over. */
  readonly signal: AbortSignal;
}

export type ObserverValues = Readonly<Record<string, ObserverValue>>;

/** What a run wants: names of observers, and options by observer and option as they were given. */
export interface ObserverChoice {
  readonly names: readonly string[];
  readonly options: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export const NO_OBSERVERS: ObserverChoice = { names: [], options: {} };

/** How an observer fared in the end. */
export interface ObserverOutcome {
  readonly name: string;
  readonly ok: boolean;
  readonly text: string;
}
