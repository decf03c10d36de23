/**
 * The SDK: drives a Muster broker from another program.
 *
 * @packageDocumentation
 */
export {};
