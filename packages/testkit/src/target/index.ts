/**
 * A small HTTP server that counts for itself and misbehaves on demand: the target of tests, of the demo and of bench.
 *
 * @packageDocumentation
 */
export { TEST_AUTHORITY, TEST_CERTIFICATES, type TestCertificate } from './certificates.js';
export type { PathCounts, TargetCounts } from './counts.js';
export { HOSTILE_PATHS, HOSTILE_SOCKET_PATHS } from './routes.js';
export { startTarget, type Target, type TargetOptions } from './start-target.js';
