import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MusterError } from '@muster/protocol';

/** So many clusters of their own may keep their results below one folder at a time. */
const MOST = 100;

/** A data folder belongs to one broker at a time: what starts beside another takes a numbered folder inside. */
const numbered = (folder: string, n: number): string => (n === 1 ? folder : join(folder, String(n)));

/** Starts something in the first of the folders that nobody has. Other faults of `start` are thrown on. */
export const inFreeFolder = async <T>(folder: string, start: (free: string) => Promise<T>): Promise<T> => {
  for (let n = 1; ; n += 1) {
    try {
      return await start(numbered(folder, n));
    } catch (thrown) {
      if (!isLocked(thrown) || n === MOST) throw thrown;
    }
  }
};

/** Every folder with results below one: itself, and those of runs that went on beside others. */
export const resultFolders = async (folder: string): Promise<readonly string[]> => {
  const inside = (await readdir(folder))
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
  return [folder, ...inside.map((n) => numbered(folder, n))];
};

/** Whether it is the fault of a folder that another process has. */
export const isLocked = (thrown: unknown): thrown is MusterError =>
  thrown instanceof MusterError && thrown.code === 'DATA_FOLDER_LOCKED';
