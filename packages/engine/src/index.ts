/**
 * Runs a test script: virtual users, executors, the HTTP load path.
 *
 * @packageDocumentation
 */
export {};
