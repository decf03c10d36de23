/**
 * The wire: message types, schemas, codecs, frames, endpoints and error codes of both dialects.
 *
 * @packageDocumentation
 */
export {};
