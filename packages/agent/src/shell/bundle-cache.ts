import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { type BundleHash, MusterError } from '@muster/protocol';

/** Bundles that stay; beyond it those go that were not used for longest. */
const KEPT = 32;

const hashOf = (chunks: readonly Uint8Array[]): string => {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
};

/** Bundles by their hash, as files that can be imported: the same one is fetched once. */
export class BundleCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  #pathOf(hash: BundleHash): string {
    return join(this.#folder, `${hash.slice('sha256:'.length)}.mjs`);
  }

  /** The file of a bundle; null when it is not there, or not what its name says. */
  async find(hash: BundleHash): Promise<string | null> {
    const path = this.#pathOf(hash);
    const bytes = await readFile(path).catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code !== 'ENOENT') throw thrown;
      return null;
    });
    if (bytes === null || hashOf([bytes]) !== hash) return null;
    const now = new Date();
    await utimes(path, now, now);
    return path;
  }

  /** Keeps a bundle. @throws MusterError `BUNDLE_CORRUPT` when the bytes do not fit the hash, `DISK_FULL`. */
  async store(hash: BundleHash, chunks: readonly Uint8Array[]): Promise<string> {
    if (hashOf(chunks) !== hash) {
      throw new MusterError('BUNDLE_CORRUPT', `what the broker sent is not the bundle ${hash}`, {
        hint: 'submit the test again',
      });
    }
    const path = this.#pathOf(hash);
    try {
      await this.#write(path, chunks);
    } catch (cause) {
      const full = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
      throw new MusterError(
        full ? 'DISK_FULL' : 'INTERNAL',
        `can't keep a bundle in ${this.#folder}: ${(cause as Error).message}`,
        { cause },
      );
    }
    await this.#prune(path);
    return path;
  }

  async #write(path: string, chunks: readonly Uint8Array[]): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const beside = `${path}.new`;
    const file = await open(beside, 'w');
    try {
      for (const chunk of chunks) await file.writeFile(chunk);
    } finally {
      await file.close();
    }
    await rename(beside, path);
  }

  async #prune(newest: string): Promise<void> {
    const paths = (await readdir(this.#folder))
      .filter((name) => name.endsWith('.mjs'))
      .map((name) => join(this.#folder, name));
    if (paths.length <= KEPT) return;
    const dated = await Promise.all(paths.map(async (path) => ({ path, usedMs: (await stat(path)).mtimeMs })));
    const old = dated.filter(({ path }) => path !== newest).sort((a, b) => b.usedMs - a.usedMs);
    for (const { path } of old.slice(KEPT - 1)) await rm(path, { force: true });
  }
}
