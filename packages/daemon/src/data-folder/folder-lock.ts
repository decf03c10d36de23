import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MusterError } from '@muster/protocol';
import { processStat } from '../process-stat.js';
import { readObject } from './read-object.js';

/** A held data folder. */
export interface FolderLock {
  release(): Promise<void>;
}

/** Who takes a folder. */
export interface LockOwner {
  /** Name of the lock's file. */
  readonly file: string;
  /** What to do when another has it. */
  readonly hint: string;
}

interface Holder {
  readonly pid: number;
  /** When that process started, in the kernel's ticks: a pid alone may have been given to another by now. */
  readonly ticks: string | null;
}

const TRIES = 5;

const ticksOf = (pid: number): string | null => processStat(pid)?.ticks ?? null;

const isAlive = ({ pid, ticks }: Holder): boolean => {
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = ticksOf(pid);
  return ticks === null || now === null || ticks === now;
};

const readHolder = async (path: string): Promise<Holder | null> => {
  const found = await readObject(path);
  if (typeof found?.pid !== 'number') return null;
  return { pid: found.pid, ticks: typeof found.ticks === 'string' ? found.ticks : null };
};

/**
 * Takes a data folder for this process, and makes it where there is none. The lock is a file that names the holder; one
 * that was left by a process that is no more is taken over.
 *
 * @throws MusterError `DATA_FOLDER_LOCKED` naming the pid of the process that has it.
 */
export const lockFolder = async (folder: string, { file, hint }: LockOwner): Promise<FolderLock> => {
  await mkdir(folder, { recursive: true });
  const path = join(folder, file);
  const mine = join(folder, `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`);
  await writeFile(mine, JSON.stringify({ pid: process.pid, ticks: ticksOf(process.pid) }), { flag: 'wx' });
  try {
    for (let tries = 0; tries < TRIES; tries += 1) {
      try {
        // Unlike a rename, a link fails when the name is there already: one winner.
        await link(mine, path);
        return { release: () => rm(path, { force: true }) };
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
      }
      const holder = await readHolder(path);
      if (holder !== null && isAlive(holder)) {
        throw new MusterError('DATA_FOLDER_LOCKED', `process ${holder.pid} uses the data folder ${folder}`, {
          hint,
          details: { pid: holder.pid },
        });
      }
      await setAside(path, `${mine}.old`);
    }
    throw new MusterError('DATA_FOLDER_LOCKED', `the lock of ${folder} keeps changing hands`);
  } finally {
    await rm(mine, { force: true });
  }
};

/** Of several that find a dead holder one moves its lock away; the others see theirs gone and try again. */
const setAside = async (path: string, aside: string): Promise<void> => {
  try {
    await rename(path, aside);
    await rm(aside, { force: true });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
  }
};
