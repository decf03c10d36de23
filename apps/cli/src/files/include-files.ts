import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { MusterError } from '@muster/protocol';
import { expandGlob } from './glob.js';
import type { PackedFile } from './zip.js';

/** In base64 it grows by a third, and a message may have 64 MiB. */
const MAX_BYTES = 256 * 1_024 * 1_024;
const MAX_FILES = 10_000;

/**
 * Files that patterns name, folders with everything in them, under the paths that they have below `folder`.
 *
 * @throws MusterError `FILE_NOT_FOUND` for a pattern that names nothing, `BAD_CONFIG` for a file outside of the folder
 */
export const includeFiles = async (patterns: readonly string[], folder: string): Promise<readonly PackedFile[]> => {
  const files = new Map<string, PackedFile>();
  const root = await realpath(folder);
  let total = 0;
  const add = async (path: string): Promise<void> => {
    const found = await stat(path);
    if (found.isDirectory()) {
      for (const name of (await readdir(path)).sort()) await add(join(path, name));
      return;
    }
    if (!found.isFile()) return;
    const name = relative(root, path).split(sep).join('/');
    total += files.has(name) ? 0 : found.size;
    if (total > MAX_BYTES || files.size >= MAX_FILES) {
      throw new MusterError(
        'BUNDLE_TOO_LARGE',
        `the files of --include-file are more than ${MAX_FILES} or ${MAX_BYTES} bytes`,
      );
    }
    files.set(name, { path: name, bytes: await readFile(path), mode: found.mode & 0o777 });
  };
  for (const pattern of patterns) {
    const paths = await expandGlob(pattern, root);
    if (paths.length === 0) throw missing(pattern, folder);
    for (const path of paths) {
      const full = resolve(root, path);
      if (full !== root && !full.startsWith(root + sep)) {
        throw new MusterError('BAD_CONFIG', `--include-file ${pattern} leads out of ${folder}`, {
          hint: 'files keep their place below the working folder: change into one that holds them all',
        });
      }
      await add(full).catch((thrown: NodeJS.ErrnoException) => {
        throw thrown.code === 'ENOENT' ? missing(pattern, folder) : thrown;
      });
    }
  }
  return [...files.values()];
};

const missing = (pattern: string, folder: string): MusterError =>
  new MusterError('FILE_NOT_FOUND', `--include-file ${pattern} names nothing in ${folder}`);
