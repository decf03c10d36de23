/**
 * Turns a test file and what it imports into one artefact.
 *
 * @packageDocumentation
 */
export {};
