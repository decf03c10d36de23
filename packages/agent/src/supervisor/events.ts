import type { PlanOrder, WorkerFault, WorkerNews, WorkerOrder } from '@muster/engine';
import type {
  AgentMessage,
  BatchHeader,
  BrokerMessage,
  BundleHash,
  EndPayload,
  RunId,
  StreamTail,
} from '@muster/protocol';

/** What happens to a supervisor. Instants are milliseconds of the agent's monotonic clock. */
export type SupervisorEvent =
  /** There is a connection to a broker: sign on. */
  | { readonly type: 'connected'; readonly streams: readonly StreamTail[] }
  | { readonly type: 'disconnected' }
  /** The broker's port refuses connections: its process is gone. Mere silence is not this. */
  | { readonly type: 'broker.refused' }
  | { readonly type: 'message'; readonly message: BrokerMessage }
  | { readonly type: 'bundle.ready'; readonly run: RunId; readonly path: string }
  | { readonly type: 'bundle.failed'; readonly run: RunId; readonly code: string; readonly message: string }
  | { readonly type: 'worker.news'; readonly worker: number; readonly news: WorkerNews }
  /** A worker process is gone; `fault` says why if it was not told to go. */
  | { readonly type: 'worker.exit'; readonly worker: number; readonly fault: WorkerFault | null }
  /** The stream of a run is closed: its last number. */
  | { readonly type: 'stream.closed'; readonly run: RunId; readonly tail: StreamTail }
  | { readonly type: 'timer'; readonly timer: TimerName }
  /** How the machine fares, just before a beat. */
  | { readonly type: 'vitals'; readonly vitals: Vitals }
  /** The agent shall end: take no further run, stop the one that goes on. */
  | { readonly type: 'drain' };

export type TimerName = 'beat' | 'ladder' | 'orphan';

export interface Vitals {
  readonly cpu: number;
  readonly rssBytes: number;
  readonly outboxBytes: number;
  readonly loopLagMs: number;
}

/** What a supervisor wants done, in this order. */
export type SupervisorEffect =
  | { readonly type: 'send'; readonly message: AgentMessage }
  | { readonly type: 'fetch'; readonly run: RunId; readonly hash: BundleHash; readonly size: number }
  | { readonly type: 'start-workers'; readonly run: RunId; readonly count: number }
  | { readonly type: 'order'; readonly worker: number | 'all'; readonly order: WorkerOrder }
  | { readonly type: 'grant'; readonly generation: number; readonly until: number }
  /** Step of the stop ladder for all workers that still live. */
  | { readonly type: 'signal'; readonly signal: 'SIGTERM' | 'SIGKILL' }
  | {
      readonly type: 'append';
      readonly run: RunId;
      readonly kind: BatchHeader['kind'];
      readonly worker: number;
      readonly payload: Uint8Array;
    }
  | { readonly type: 'end-stream'; readonly run: RunId; readonly payload: EndPayload }
  | { readonly type: 'outbox.connected' }
  | { readonly type: 'outbox.ack'; readonly stream: StreamTail['stream']; readonly upTo: number }
  | { readonly type: 'outbox.resend'; readonly stream: StreamTail['stream']; readonly from: number }
  | { readonly type: 'connect-receiver'; readonly endpoint: string }
  | { readonly type: 'timer'; readonly timer: TimerName; readonly afterMs: number }
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly text: string }
  /** Nothing is left to do: the process may end, with this exit code. */
  | { readonly type: 'exit'; readonly code: number };

export type { PlanOrder };
