import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BOUNDS, type BundleHash, MusterError } from '@muster/protocol';

/** Asks the broker for a piece. */
export type AskPiece = (
  hash: BundleHash,
  offset: number,
) => Promise<{ readonly size: number; readonly data: Uint8Array }>;

const hashOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Bundles by their hash, on disk: the same one is fetched once. */
export class BundleCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** The file of a bundle, fetched if it is not there. @throws MusterError `BUNDLE_CORRUPT`, or what `ask` rejects with. */
  async get(hash: BundleHash, size: number, ask: AskPiece): Promise<string> {
    const path = join(this.#folder, `${hash.slice('sha256:'.length)}.mjs`);
    if (existsSync(path) && hashOf(readFileSync(path)) === hash) return path;
    if (size > BOUNDS.bundleBytes) throw new MusterError('BUNDLE_TOO_LARGE', `the bundle has ${size} bytes`);
    const pieces: Uint8Array[] = [];
    let have = 0;
    while (have < size) {
      const { data } = await ask(hash, have);
      if (data.byteLength === 0) break;
      pieces.push(data);
      have += data.byteLength;
    }
    const bytes = Buffer.concat(pieces);
    if (hashOf(bytes) !== hash)
      throw new MusterError('BUNDLE_CORRUPT', `what the broker sent is not the bundle ${hash}`, {
        hint: 'submit the test again',
      });
    writeFileSync(`${path}.part`, bytes);
    renameSync(`${path}.part`, path);
    return path;
  }
}
