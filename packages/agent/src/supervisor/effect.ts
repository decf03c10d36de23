import type { InitOrder, WorkerOrder } from '@muster/engine';
import type { AgentMessage, BatchHeader, BundleHash, RunId, StreamId } from '@muster/protocol';
import type { ExternalEffect, MembershipEffect } from '../original/events.js';

/** What the {@link Supervisor} wants done, in this order. */
export type Effect =
  /** Say this to the broker on the backend. It may get lost: what matters is repeated until it is answered. */
  | { readonly type: 'send'; readonly message: AgentMessage }
  /**
   * Ask the frontend where the broker is now and connect afresh, dropping what the old sockets still hold. Answered once
   * by `link.up`, `link.refused` or `link.silent`; one that comes while another is under way replaces it.
   */
  | { readonly type: 'connect' }
  /** Try the backend's port with a plain connection. Answered by `link.refused` if it refuses, else not at all. */
  | { readonly type: 'probe' }
  /** Call `handle({ type: 'wake' })` at this instant of the agent's clock. Replaces the one before. */
  | { readonly type: 'wake'; readonly atMs: number }
  /** Is this bundle in the cache? Answered by `bundle.found` or `bundle.missing`. */
  | { readonly type: 'bundle.find'; readonly hash: BundleHash }
  /** Check these bytes against the hash and keep them. Answered by `bundle.found` or `bundle.failed`. */
  | { readonly type: 'bundle.store'; readonly hash: BundleHash; readonly chunks: readonly Uint8Array[] }
  /** Start one worker per order and give it that order; each is told apart by `init.worker`. */
  | { readonly type: 'workers.start'; readonly inits: readonly InitOrder[] }
  | { readonly type: 'worker.order'; readonly worker: number; readonly order: WorkerOrder }
  /** The right to load, for every worker, on the watchdog's pipe; `until` is on the agent's clock. */
  | { readonly type: 'workers.grant'; readonly generation: number; readonly until: number }
  /** A step of the stop ladder after the order `end`. */
  | { readonly type: 'worker.signal'; readonly worker: number; readonly signal: 'SIGTERM' | 'SIGKILL' }
  /**
   * Keep this batch; the number is the stream's next. `outbox.written` follows when it would survive a crash; only then
   * is it sent. A stream that is not there yet is made.
   */
  | { readonly type: 'outbox.append'; readonly header: BatchHeader; readonly payload: Uint8Array }
  /** Push a batch that is kept to the receiver. */
  | { readonly type: 'outbox.send'; readonly stream: StreamId; readonly number: number }
  /** Everything of the stream up to this number is committed at the broker: forget it. */
  | { readonly type: 'outbox.forget'; readonly stream: StreamId; readonly upTo: number }
  /** The stream is closed and committed: delete it. */
  | { readonly type: 'outbox.delete'; readonly stream: StreamId }
  /** For a run of the original. */
  | { readonly type: 'external'; readonly effect: ExternalEffect }
  /** At a broker of the original. */
  | { readonly type: 'membership'; readonly effect: MembershipEffect }
  /** Nothing of the run is left but its outbox. */
  | { readonly type: 'released'; readonly run: RunId }
  | { readonly type: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly message: string }
  /** Everything is done that was to be done before the end: the process may exit. `lostBytes` stay in the outbox. */
  | { readonly type: 'exit'; readonly leftBytes: number };
