import { constants } from 'node:fs';
import { lstat, mkdir, open, realpath, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { BOUNDS, MusterError } from '@muster/protocol';
import { readZip, type ZipEntry } from './unzip.js';

/** The folder of one run on one agent: everything of the run that is written on this machine. */
export interface RunFolder {
  readonly path: string;
  /** A private one is removed after the run; one that the client named stays. */
  readonly isPrivate: boolean;
}

export interface RunFolderOrder {
  /** The agent's own folder. */
  readonly data: string;
  readonly agent: string;
  readonly run: string;
  /** Tells two commands about one run apart. */
  readonly job: number;
  /** As the client named it; relative to the agent's own. */
  readonly testDir: string | null;
  /** A zip in base64. */
  readonly filedata: string | null;
}

/**
 * Makes the folder and puts the files there. Like the original a named one ends in the agent's id; below that each run
 * has its own.
 *
 * @throws MusterError `BAD_MESSAGE` for files that leave the folder, also by a link that lies in it, or are no archive.
 */
export const makeRunFolder = async (order: RunFolderOrder): Promise<RunFolder> => {
  const { data, agent, run, job, testDir, filedata } = order;
  const path = testDir === null ? join(data, 'runs', `${run}-${job}`) : join(`${resolve(data, testDir)}${agent}`, run);
  // Read first: nothing is written for files that are refused.
  const entries = filedata === null || filedata === '' ? [] : readZip(bytesOf(filedata));
  const folder = { path, isPrivate: testDir === null };
  await mkdir(path, { recursive: true, mode: 0o700 });
  try {
    for (const entry of entries) await put(path, entry);
    return folder;
  } catch (thrown) {
    await removeRunFolder(folder);
    throw thrown;
  }
};

export const removeRunFolder = async ({ path, isPrivate }: RunFolder): Promise<void> => {
  if (isPrivate) await rm(path, { recursive: true, force: true });
};

const bytesOf = (filedata: string): Buffer => {
  if (filedata.length > BOUNDS.originalRunBytes)
    throw new MusterError('MESSAGE_TOO_LARGE', `files of ${filedata.length} bytes came along`);
  return Buffer.from(filedata, 'base64');
};

const put = async (root: string, entry: ZipEntry): Promise<void> => {
  const path = join(root, ...entry.path.split('/'));
  const parts = entry.path.split('/');
  await makeFolders(root, entry.isFolder ? parts : parts.slice(0, -1));
  if (entry.isFolder) return;
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const file = await open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, entry.mode).catch((cause: Error) => {
    throw new MusterError('BAD_MESSAGE', `"${entry.path}" can't be written: ${cause.message}`, { cause });
  });
  try {
    await file.writeFile(entry.read());
    await file.chmod(entry.mode);
  } finally {
    await file.close();
  }
};

/** One after the other, so that no link on the way is followed. */
const makeFolders = async (root: string, parts: readonly string[]): Promise<void> => {
  let path = root;
  for (const part of parts) {
    path = join(path, part);
    const found = await lstat(path).catch(() => null);
    if (found === null) await mkdir(path, { mode: 0o755 });
    else if (!found.isDirectory())
      throw new MusterError('BAD_MESSAGE', `"${parts.join('/')}" leads through what is no folder`);
  }
};

/**
 * Where a test file of the run is.
 *
 * @throws MusterError `FILE_NOT_FOUND` when it did not come along, or is outside by a link.
 */
export const fileInRunFolder = async ({ path }: RunFolder, file: string): Promise<string> => {
  const root = await realpath(path);
  const found = await realpath(join(path, file)).catch(() => null);
  if (found === null || !found.startsWith(root + sep) || !(await stat(found)).isFile())
    throw new MusterError('FILE_NOT_FOUND', `${file} is not among the files that came along`, {
      hint: `give it to the client as a file to include, from the folder ${dirname(file)}`,
    });
  return found;
};
