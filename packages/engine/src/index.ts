/**
 * Runs a test script in a worker process: virtual users, executors, the HTTP load path, the recorder. The agent starts
 * workers and talks to them in the words of `ipc.ts`.
 *
 * @packageDocumentation
 */

export { AuthorPlaces } from './author-place.js';
export { CAUSES, type ErrorCause } from './http/error-codes.js';
export type {
  InitOrder,
  MachineMs,
  PlanOrder,
  TestEvent,
  WatchdogLine,
  WorkerFault,
  WorkerNews,
  WorkerOrder,
} from './ipc.js';
export { workerEntry } from './worker-entry.js';
