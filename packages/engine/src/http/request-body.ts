import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { RequestBody } from '@muster/script';
import { encodeForm, type TypedBody } from './form.js';

/** The bytes of what a test gave as a body; null for none. */
export const bodyOf = (given: RequestBody | undefined): TypedBody | null => {
  if (given === null || given === undefined) return null;
  if (typeof given === 'string') return { bytes: Buffer.from(given), type: null };
  if (given instanceof Uint8Array) return { bytes: given, type: null };
  if (given instanceof ArrayBuffer) return { bytes: new Uint8Array(given), type: null };
  return encodeForm(given);
};

const COMPRESSORS: Readonly<Record<string, (bytes: Uint8Array) => Buffer>> = {
  gzip: (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  br: (bytes) => brotliCompressSync(bytes),
};

/** Puts encodings on, first to last, as k6's `compression` names them; null when one is not known. */
export const compress = (bytes: Uint8Array, encodings: string): Uint8Array | null => {
  let packed = bytes;
  for (const name of encodings.split(',')) {
    const compressor = COMPRESSORS[name.trim().toLowerCase()];
    if (compressor === undefined) return null;
    packed = compressor(packed);
  }
  return packed;
};
