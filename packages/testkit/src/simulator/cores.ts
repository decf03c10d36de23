import { type Effect, type Saved, Supervisor, type SupervisorConfig, type SupervisorEvent } from '@muster/agent';
import {
  Controller,
  type ControllerConfig,
  type ControllerEffect,
  type ControllerEvent,
  type Instant,
  type LedgerDecision,
  type RunRecord,
  type SavedState,
  StreamLedger,
} from '@muster/broker/internal';

/** The broker's controller, as the simulator drives it. */
export interface ControllerCore {
  begin(at: Instant): readonly ControllerEffect[];
  handle(event: ControllerEvent, at: Instant): readonly ControllerEffect[];
  runs(): readonly RunRecord[];
}
/** The agent's supervisor. */
export interface SupervisorCore {
  handle(event: SupervisorEvent, nowMs: number): readonly Effect[];
}
/** The broker's bookkeeping of one stream. */
export interface LedgerCore {
  readonly closed: boolean;
  readonly next: number | null;
  take(number: number, last: boolean): LedgerDecision;
  committed(number: number): number;
}

/** How the three cores are made. The simulator runs the very ones that `muster-broker` and `muster-agent` run. */
export interface Cores {
  controller(config: ControllerConfig, saved: SavedState): ControllerCore;
  supervisor(config: SupervisorConfig, saved: Saved): SupervisorCore;
  ledger(stored: number, closed: boolean): LedgerCore;
}

export const REAL_CORES: Cores = {
  controller: (config, saved) => new Controller(config, saved),
  supervisor: (config, saved) => new Supervisor(config, saved),
  ledger: (stored, closed) => new StreamLedger(stored, closed),
};
