import { createHash } from 'node:crypto';
import { BOUNDS, BundleHasResult, BundlePutResult, MusterError } from '@muster/protocol';
import type { Asker } from './asker.js';
import type { CallOptions } from './give-up.js';

/** A test and all that it imports, as `@muster/bundle` makes it. */
export interface BundleArtefact {
  readonly bytes: Uint8Array;
  /** `sha256:` and 64 hex digits of the bytes. @default computed */
  readonly hash?: string;
  /** The test's file name, for people. @default 'test' */
  readonly name?: string;
}

/** Pieces in a row that the broker did not take before the upload is given up. */
const MOST_STALLS = 5;

/**
 * Brings a bundle to the broker, unless it holds it already.
 *
 * @returns its hash
 * @throws MusterError `BUNDLE_TOO_LARGE`, `BUNDLE_CORRUPT`, or what the broker answers
 */
export const upload = async (asker: Asker, bundle: BundleArtefact, call: CallOptions): Promise<string> => {
  const { bytes } = bundle;
  const hash = checked(bundle);
  const { has } = await asker.ask({ type: 'bundle.has', hash }, (result) => BundleHasResult.parse(result), call);
  if (has) return hash;
  let offset = 0;
  let stalls = 0;
  while (offset < bytes.byteLength) {
    const data = bytes.subarray(offset, offset + BOUNDS.bundleChunkBytes);
    const { received } = await asker.ask(
      { type: 'bundle.put', hash, size: bytes.byteLength, offset, data },
      (result) => BundlePutResult.parse(result),
      call,
    );
    stalls = received > offset ? 0 : stalls + 1;
    if (stalls > MOST_STALLS) {
      throw new MusterError(
        'STORE_FAILED',
        `the broker does not take the bundle ${hash}: it stays at ${received} bytes`,
      );
    }
    offset = received;
  }
  return hash;
};

const checked = ({ bytes, hash }: BundleArtefact): string => {
  if (bytes.byteLength > BOUNDS.bundleBytes) {
    throw new MusterError(
      'BUNDLE_TOO_LARGE',
      `the bundle has ${bytes.byteLength} bytes, the bound is ${BOUNDS.bundleBytes}`,
    );
  }
  if (bytes.byteLength === 0) throw new MusterError('BUNDLE_CORRUPT', 'the bundle is empty');
  const real = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (hash !== undefined && hash !== real) {
    throw new MusterError('BUNDLE_CORRUPT', `the bundle's bytes have the hash ${real}, not ${hash}`);
  }
  return real;
};
