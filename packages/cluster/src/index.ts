/**
 * A whole cluster on this machine, for tests and demos.
 *
 * @packageDocumentation
 */
export {};
