/**
 * A small HTTP server that counts for itself and misbehaves on demand: the target of tests, of the demo and of bench.
 *
 * @packageDocumentation
 */
export { HOSTILE_PATHS } from './routes.js';
export { startTarget, type Target, type TargetCounts, type TargetOptions } from './start-target.js';
