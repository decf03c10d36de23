/**
 * Runs a test file once in the process of a plain test runner: no broker, no agent, no load.
 *
 * @packageDocumentation
 */
export type { OnceCheck, OnceError, OnceResult } from './once-result.js';
export { type RunOnceOptions, runOnce, type TestModule } from './run-once.js';
