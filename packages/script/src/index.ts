/**
 * What a test file imports.
 *
 * @packageDocumentation
 */
export {};
