/**
 * The agent: supervisor, worker hosts, outbox.
 *
 * @packageDocumentation
 */
export {};
