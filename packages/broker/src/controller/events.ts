import type {
  AgentMessage,
  BrokerMessage,
  ClientMessage,
  Progress,
  RunId,
  RunInfo,
  RunState,
  StreamId,
} from '@muster/protocol';
import type { RunRecord } from './run-record.js';

/** Now, on two clocks: the broker's monotonic one for everything that is compared, the wall's for texts. */
export interface Instant {
  readonly nowMs: number;
  readonly wallMs: number;
}

/** What the results path knows of a run at its end. */
export interface Counted {
  /** Share of what was planned that the results cover, 0 to 1. */
  readonly coverage: number;
  /** The first threshold that does not hold, as a sentence; null when all hold. */
  readonly failedThreshold: string | null;
  readonly iterations: { readonly completed: number; readonly failed: number };
}

/** What a new run needs and the controller can't make: `bundleSize` is null when the broker does not hold the bundle. */
export interface FreshRun {
  readonly run: RunId;
  readonly seed: number;
  readonly bundleSize: number | null;
}

/** What happens to the controller. */
export type ControllerEvent =
  /** A message on the backend from the peer with this routing id. */
  | { readonly type: 'agent'; readonly agent: string; readonly message: AgentMessage }
  /** A client's question that is the controller's to answer; a `submit` comes with what a new run needs. */
  | {
      readonly type: 'client';
      readonly client: string;
      readonly message: ClientMessage;
      readonly fresh?: FreshRun;
    }
  /** Every 100 ms or so. */
  | { readonly type: 'sweep' }
  /** Everything of a stream, its last batch included, is committed. */
  | { readonly type: 'stream.closed'; readonly run: RunId; readonly stream: StreamId }
  /** Once a second of a running run, and once at its end. The controller numbers and publishes it. */
  | { readonly type: 'progress'; readonly run: RunId; readonly progress: Omit<Progress, 'number' | 'state' | 'agents'> }
  /** A threshold with `abortOnFail` does not hold. */
  | { readonly type: 'threshold.crossed'; readonly run: RunId; readonly text: string }
  /** Answers `count`. */
  | { readonly type: 'counted'; readonly run: RunId; readonly counted: Counted }
  /** Answers `summarise`. */
  | { readonly type: 'summarised'; readonly run: RunId; readonly summary: unknown }
  /** Answers `conclude`: everything that the run leaves is kept. */
  | { readonly type: 'concluded'; readonly run: RunId };

/**
 * What the controller wants done, in this order: what stands after a `save` or a `delete` waits until that is on disk.
 * Records in effects are never changed afterwards.
 */
export type ControllerEffect =
  | { readonly type: 'save'; readonly key: string; readonly value: unknown }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'send'; readonly agent: string; readonly message: BrokerMessage }
  | { readonly type: 'answer'; readonly client: string; readonly id: string; readonly result: unknown }
  | {
      readonly type: 'refuse';
      readonly client: string;
      readonly id: string;
      readonly error: { readonly code: string; readonly message: string };
    }
  /** Asks the store; `live` is what the controller knows of runs that are not finished. */
  | {
      readonly type: 'look-up';
      readonly client: string;
      readonly message: ClientMessage;
      readonly live: readonly RunInfo[];
    }
  /** A piece of a bundle for an agent. */
  | {
      readonly type: 'piece';
      readonly agent: string;
      readonly id: string;
      readonly hash: string;
      readonly offset: number;
    }
  | { readonly type: 'publish'; readonly run: RunId; readonly event: RunNews }
  /** How the run stands now, for the catalogue. */
  | { readonly type: 'catalogue'; readonly info: RunInfo }
  /** The run's results are to be taken in (again, after a restart). */
  | { readonly type: 'open'; readonly run: RunRecord }
  /** The record is another one now. */
  | { readonly type: 'facts'; readonly run: RunRecord }
  /** Find out what the verdict rests on; answered by `counted`. */
  | { readonly type: 'count'; readonly run: RunRecord }
  /** The verdict is set: make the summary and keep it; answered by `summarised`. */
  | { readonly type: 'summarise'; readonly run: RunRecord }
  /**
   * The run is finished: keep how it ended and what the author's `handleSummary` made; answered by `concluded`. Only then
   * do its watchers hear that it is finished, and find everything. After a restart it may come a second time.
   */
  | {
      readonly type: 'conclude';
      readonly run: RunRecord;
      readonly handleSummary: Readonly<Record<string, string>> | null;
    }
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly text: string };

/** An event of a run as it is published: numbered without gaps. */
export type RunNews =
  | {
      readonly kind: 'state';
      readonly run: RunId;
      readonly number: number;
      readonly state: RunState;
      readonly text: string;
    }
  | { readonly kind: 'progress'; readonly run: RunId; readonly number: number; readonly progress: Progress }
  | {
      readonly kind: 'note';
      readonly run: RunId;
      readonly number: number;
      readonly atMs: number;
      readonly level: 'info' | 'warn' | 'error';
      readonly text: string;
    };
