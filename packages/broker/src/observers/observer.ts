import type { Summary } from '@muster/protocol';
import type { Logger } from '../log.js';

/** Is told when a run has ended. Its failure is its own: neither the run nor other observers notice. */
export interface Observer {
  readonly name: string;
  /** `signal` is aborted when the time is over. */
  finished(summary: Summary, context: ObserverContext): Promise<void> | void;
}

export interface ObserverContext {
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** How an observer fared. */
export interface ObserverOutcome {
  readonly name: string;
  readonly ok: boolean;
  readonly text: string;
}
