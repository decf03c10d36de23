import { link, mkdir, rm, writeFile } from 'node:fs/promises';
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

/** Another takes a lock over in a moment; it is waited for so often, and so long each time. */
const TRIES = 100;
const AGAIN_MS = 20;

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
      if (await linked(mine, path)) return { release: () => rm(path, { force: true }) };
      const holder = await readHolder(path);
      if (holder !== null && isAlive(holder)) {
        throw new MusterError('DATA_FOLDER_LOCKED', `process ${holder.pid} uses the data folder ${folder}`, {
          hint,
          details: { pid: holder.pid },
        });
      }
      if (!(await removeLeft(path, mine, tries > TRIES / 2)))
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
    throw new MusterError('DATA_FOLDER_LOCKED', `the lock of ${folder} keeps changing hands`);
  } finally {
    await rm(mine, { force: true });
  }
};

/** Gives a file a second name. Unlike a rename this fails when the name is there already: one winner. */
const linked = async (file: string, name: string): Promise<boolean> => {
  try {
    await link(file, name);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    return false;
  }
};

/**
 * Removes a lock whose holder is gone. Only who has a second lock for that may do so, and looks again under it: what another
 * found to be left may be a new holder's by the time that it is removed.
 *
 * @param late a second lock that names nobody, as a cut of power leaves one, is not waited for any longer
 * @returns false while another is about to
 */
const removeLeft = async (path: string, mine: string, late: boolean): Promise<boolean> => {
  const taking = `${path}.taking`;
  if (!(await linked(mine, taking))) {
    const other = await readHolder(taking);
    // It died in just that moment; who comes next finds the way free.
    if (other === null ? late : !isAlive(other)) await rm(taking, { force: true });
    return false;
  }
  try {
    const holder = await readHolder(path);
    if (holder === null || !isAlive(holder)) await rm(path, { force: true });
    return true;
  } finally {
    await rm(taking, { force: true });
  }
};
