/**
 * For sister packages and tests only; changes without notice.
 *
 * @packageDocumentation
 */
export { Controller, type SavedState } from './controller/controller.js';
export type { ControllerConfig } from './controller/controller-config.js';
export type { ControllerEffect, ControllerEvent, Counted, Instant } from './controller/events.js';
export type { Member, OnceRecord, RunRecord } from './controller/run-record.js';
export { type LedgerDecision, StreamLedger } from './ledger/stream-ledger.js';
export { coverageOf } from './results/coverage.js';
export { factsOf } from './results/facts-of.js';
export { WorkerAccounts } from './results/worker-accounts.js';
export { openMemoryBackend } from './store/memory-backend.js';
export { openMemoryStore } from './store/memory-store.js';
export type { Store } from './store/store.js';
export { ThreadStore, type ThreadStoreOptions } from './store/thread/thread-store.js';
