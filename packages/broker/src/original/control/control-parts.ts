import type { Instant } from '../../controller/events.js';
import type { ResolvedOriginalConfig } from './control-config.js';
import type { OrderBody, OriginalEffect } from './events.js';
import type { KnownAgents } from './known-agents.js';
import type { RunBook } from './run-book.js';

/** What every part of the controller of the original's runs works with. */
export interface ControlParts {
  readonly config: ResolvedOriginalConfig;
  readonly agents: KnownAgents;
  readonly runs: RunBook;
  do(effect: OriginalEffect): void;
  now(): Instant;
}

/** The same for those that tell agents something. */
export interface TellingParts extends ControlParts {
  tell(agent: string, order: OrderBody): void;
}
