import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';

/** A decoded body may be so large; a small one can claim to be anything. */
const MAX_DECODED_BYTES = 64 * 1_024 * 1_024;
const OPTIONS = { maxOutputLength: MAX_DECODED_BYTES };

const DECODERS: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: (body) => gunzipSync(body, OPTIONS),
  'x-gzip': (body) => gunzipSync(body, OPTIONS),
  br: (body) => brotliDecompressSync(body, OPTIONS),
  // RFC 9110, section 8.4.1.2: deflate is zlib, but some servers send it bare.
  deflate: (body) => (((body[0] ?? 0) & 0x0f) === 8 ? inflateSync(body, OPTIONS) : inflateRawSync(body, OPTIONS)),
};

/** A body without its encodings, or why it is none. */
export type DecodedBody = { readonly plain: Buffer } | { readonly fault: string };

/** Takes encodings off, the last one first; what is not known stays as it is. */
export const decodeBody = (body: Buffer, encodings: string): DecodedBody => {
  let plain = body;
  for (const name of encodings.toLowerCase().split(',').reverse()) {
    const decode = DECODERS[name.trim()];
    if (decode === undefined || plain.length === 0) continue;
    try {
      plain = decode(plain);
    } catch (thrown) {
      return { fault: `${name.trim()}: ${(thrown as Error).message}` };
    }
  }
  return { plain };
};
