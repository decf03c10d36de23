/**
 * The `muster` command.
 *
 * @packageDocumentation
 */
export {};
