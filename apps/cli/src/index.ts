/**
 * The `muster` command: everything that it does goes through the SDK, and its own cluster is the same broker and agent
 * that others install.
 *
 * @packageDocumentation
 */
export type { Io } from './io.js';
export { runCli } from './program.js';
