import type { WorkerNews } from '@muster/engine';
import type { AgentMessage, BrokerMessage, BundleHash, Code, StreamId } from '@muster/protocol';
import type { ExternalEvent, MembershipEvent } from '../original/events.js';
import type { WorkerExit } from '../worker-host/worker-exit.js';

/** Everything that can happen to an agent, as the shell (or the simulator) tells it to the {@link Supervisor}. */
export type SupervisorEvent =
  /** Once, first. */
  | { readonly type: 'start' }
  /**
   * There is a new connection to a broker. Answers `connect`: a native broker answered on the frontend, and fresh sockets
   * are connected to what it says. Comes by itself too when the transport connected again.
   */
  | { readonly type: 'link.up' }
  /** Answers `connect` or `probe`: the broker's port refuses connections, so its process is dead. */
  | { readonly type: 'link.refused' }
  /** Answers `connect`: nothing came back, or nothing that a native agent understands. `probe` is not answered then. */
  | { readonly type: 'link.silent'; readonly why: string }
  /** The connection to the backend was lost, as far as the transport can tell; it goes on trying. */
  | { readonly type: 'link.dropped' }
  /** A message of a `send` can't be carried: too large, or nested too deep. */
  | { readonly type: 'send.refused'; readonly message: AgentMessage; readonly code: Code; readonly why: string }
  /** The broker said something on the backend. */
  | { readonly type: 'message'; readonly message: BrokerMessage }
  /** The instant of the last `wake` effect has come. One that comes early or without need does no harm. */
  | { readonly type: 'wake' }
  /** Answers `bundle.find` and `bundle.store`. */
  | { readonly type: 'bundle.found'; readonly hash: BundleHash; readonly path: string }
  | { readonly type: 'bundle.missing'; readonly hash: BundleHash }
  | { readonly type: 'bundle.failed'; readonly hash: BundleHash; readonly code: Code; readonly message: string }
  | { readonly type: 'worker.news'; readonly worker: number; readonly news: WorkerNews }
  /** The last that is heard of a worker: its channel is read to the end before. */
  | { readonly type: 'worker.exit'; readonly worker: number; readonly exit: WorkerExit }
  /** Answers `outbox.append`: everything up to this number would survive a crash of the agent. */
  | { readonly type: 'outbox.written'; readonly stream: StreamId; readonly upTo: number }
  /**
   * The outbox can't write (`full`), or can again. Appended batches that are not written yet wait in memory, in order,
   * and are written first when it can; `waitingBytes` is how much that is.
   */
  | { readonly type: 'outbox.disk'; readonly full: boolean; readonly waitingBytes: number; readonly why: string }
  /** How this process and its workers fare; every beat or so. */
  | {
      readonly type: 'load';
      readonly cpu: number;
      readonly rssBytes: number;
      /** Longest delay of this process's own loop since the last one. */
      readonly lagMs: number;
    }
  /** Something about a run of the original. */
  | { readonly type: 'external'; readonly event: ExternalEvent }
  /** Something about a broker of the original; with a `place` it answers `connect`. */
  | { readonly type: 'membership'; readonly event: MembershipEvent }
  /** Somebody wants the agent to end: gracefully the first time, at once the second. */
  | { readonly type: 'quit' };
