import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MusterError } from '@muster/protocol';

/** A held data folder. */
export interface FolderLock {
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  /** When that process started, in the kernel's ticks: a pid alone may have been given to another by now. */
  readonly ticks: string | null;
}

const FILE = 'broker.lock';
const TRIES = 5;

/** Field 22 of /proc/PID/stat (proc(5)); null where there is no such file. */
const startTicks = async (pid: number): Promise<string | null> => {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
};

const isAlive = async ({ pid, ticks }: Holder): Promise<boolean> => {
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = await startTicks(pid);
  return ticks === null || now === null || ticks === now;
};

const readHolder = async (path: string): Promise<Holder | null> => {
  try {
    const found: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof found !== 'object' || found === null || !('pid' in found) || typeof found.pid !== 'number') return null;
    return { pid: found.pid, ticks: 'ticks' in found && typeof found.ticks === 'string' ? found.ticks : null };
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT' && !(thrown instanceof SyntaxError)) throw thrown;
    return null;
  }
};

/**
 * Takes a data folder for one broker. The lock is a file that names the holder; one that was left by a process that is
 * no more is taken over.
 *
 * @throws MusterError `DATA_FOLDER_LOCKED` naming the pid of the broker that has it.
 */
export const lockFolder = async (folder: string): Promise<FolderLock> => {
  await mkdir(folder, { recursive: true });
  const path = join(folder, FILE);
  const mine = join(folder, `${FILE}.${process.pid}.${Math.random().toString(36).slice(2)}`);
  const file = await open(mine, 'wx');
  await file.writeFile(JSON.stringify({ pid: process.pid, ticks: await startTicks(process.pid) }));
  await file.close();
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
      if (holder !== null && (await isAlive(holder))) {
        throw new MusterError('DATA_FOLDER_LOCKED', `process ${holder.pid} uses the data folder ${folder}`, {
          hint: 'stop that broker, or give this one another folder with --data',
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

const setAside = async (path: string, aside: string): Promise<void> => {
  try {
    await rename(path, aside);
    await rm(aside, { force: true });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
  }
};
