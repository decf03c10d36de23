import { createHash } from 'node:crypto';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '@muster/daemon';
import { BOUNDS, type BundleHash, type BundlePutResult, MusterError } from '@muster/protocol';

/** A piece of a bundle on its way in. */
export interface BundlePiece {
  readonly hash: BundleHash;
  /** Of the whole bundle. */
  readonly size: number;
  readonly offset: number;
  readonly data: Uint8Array;
}

/** A bundle that is half there. */
interface Upload {
  readonly size: number;
  readonly pieces: Uint8Array[];
  received: number;
  touchedMs: number;
}

/** An upload whose client sends nothing for so long is forgotten. */
const STALE_MS = 60_000;
const UPLOADS = 8;
const FILE = /^([0-9a-f]{64})\.mjs$/;

/**
 * The bundles that clients have put here, by the hash of their bytes, as files that can be imported. Uploads are held in
 * memory until they are whole: eight at a time, one of them forgotten when a ninth begins.
 */
export class BundleShelf {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #now: () => number;
  readonly #sizes: Map<string, number>;
  readonly #uploads = new Map<string, Upload>();

  private constructor(folder: string, maxBytes: number, now: () => number, sizes: Map<string, number>) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#now = now;
    this.#sizes = sizes;
  }

  static async open(folder: string, maxBytes: number, now: () => number): Promise<BundleShelf> {
    await mkdir(folder, { recursive: true });
    const sizes = new Map<string, number>();
    for (const file of await readdir(folder)) {
      const hex = FILE.exec(file)?.[1];
      if (hex !== undefined) sizes.set(`sha256:${hex}`, (await stat(join(folder, file))).size);
    }
    return new BundleShelf(folder, maxBytes, now, sizes);
  }

  /** Size of a bundle that is here whole; null when it is not. */
  sizeOf(hash: BundleHash): number | null {
    return this.#sizes.get(hash) ?? null;
  }

  /**
   * Takes the next piece of what `client` uploads; another one changes nothing. The last one is checked.
   *
   * @returns how many bytes are held, so where the next piece begins
   * @throws MusterError `BUNDLE_TOO_LARGE`, `BUNDLE_CORRUPT`, `DISK_FULL`.
   */
  async put(client: string, piece: BundlePiece): Promise<BundlePutResult> {
    const { hash, size, offset, data } = piece;
    if (this.#sizes.has(hash)) return { received: size };
    if (size > this.#maxBytes)
      throw new MusterError('BUNDLE_TOO_LARGE', `the bundle has ${size} bytes, ${this.#maxBytes} are allowed`);
    if (data.byteLength > BOUNDS.bundleChunkBytes)
      throw new MusterError(
        'MESSAGE_TOO_LARGE',
        `a piece has ${data.byteLength} bytes, ${BOUNDS.bundleChunkBytes} are allowed`,
      );
    const key = `${client} ${hash}`;
    const upload = this.#upload(key, size);
    if (offset !== upload.received || offset + data.byteLength > size) return { received: upload.received };
    upload.pieces.push(Uint8Array.from(data));
    upload.received += data.byteLength;
    upload.touchedMs = this.#now();
    if (upload.received < size) return { received: upload.received };
    this.#uploads.delete(key);
    await this.#keep(hash, Buffer.concat(upload.pieces));
    return { received: size };
  }

  /** A piece for an agent. @throws MusterError `BUNDLE_UNKNOWN`. */
  async get(hash: BundleHash, offset: number): Promise<{ readonly size: number; readonly data: Uint8Array }> {
    const size = this.#sizes.get(hash);
    if (size === undefined) throw new MusterError('BUNDLE_UNKNOWN', `there is no bundle ${hash}`);
    const data = Buffer.alloc(Math.max(0, Math.min(BOUNDS.bundleChunkBytes, size - offset)));
    const file = await open(this.#path(hash), 'r');
    try {
      await file.read(data, 0, data.byteLength, offset);
    } finally {
      await file.close();
    }
    return { size, data };
  }

  #path(hash: BundleHash): string {
    return join(this.#folder, `${hash.slice('sha256:'.length)}.mjs`);
  }

  #upload(key: string, size: number): Upload {
    const now = this.#now();
    for (const [other, { touchedMs }] of this.#uploads) if (now - touchedMs > STALE_MS) this.#uploads.delete(other);
    const found = this.#uploads.get(key);
    if (found !== undefined && found.size === size) return found;
    this.#uploads.delete(key);
    const [oldest] = [...this.#uploads].sort(([, a], [, b]) => a.touchedMs - b.touchedMs);
    if (this.#uploads.size >= UPLOADS && oldest !== undefined) this.#uploads.delete(oldest[0]);
    const made: Upload = { size, pieces: [], received: 0, touchedMs: now };
    this.#uploads.set(key, made);
    return made;
  }

  async #keep(hash: BundleHash, bytes: Buffer): Promise<void> {
    const real = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    if (real !== hash) throw new MusterError('BUNDLE_CORRUPT', `the bytes of ${hash} have the hash ${real}`);
    await writeWhole(this.#path(hash), bytes);
    this.#sizes.set(hash, bytes.byteLength);
  }
}
