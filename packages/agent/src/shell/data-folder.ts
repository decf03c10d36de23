import { link, mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { MusterError } from '@muster/protocol';
import { processStat } from '../process-stat.js';

/** A data folder that this process holds, and the node's name in it. */
export interface DataFolder {
  readonly path: string;
  readonly node: string;
  /** Lets go of it; a private one is removed. */
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  /** When that process started, in the kernel's ticks: a pid alone may have been given to another by now. */
  readonly ticks: string | null;
}

const LOCK = 'agent.lock';
const NODE = 'node.json';
const TRIES = 5;
/** An agent id is the node's name, a dot and six digits, in the letters that the wire allows. */
const NODE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

const isAlive = ({ pid, ticks }: Holder): boolean => {
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = processStat(pid)?.ticks ?? null;
  return ticks === null || now === null || ticks === now;
};

/** What a small JSON file says, or null when it is not there or not whole. */
const readObject = async (path: string): Promise<Readonly<Record<string, unknown>> | null> => {
  try {
    const found: unknown = JSON.parse(await readFile(path, 'utf8'));
    return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : null;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT' && !(thrown instanceof SyntaxError)) throw thrown;
    return null;
  }
};

/** Takes the lock; one that was left by a process that is no more is taken over. @returns how to let go of it. */
const takeLock = async (folder: string): Promise<() => Promise<void>> => {
  const path = join(folder, LOCK);
  const mine = join(folder, `${LOCK}.${process.pid}.${Math.random().toString(36).slice(2)}`);
  await writeFile(mine, JSON.stringify({ pid: process.pid, ticks: processStat(process.pid)?.ticks ?? null }), {
    flag: 'wx',
  });
  try {
    for (let tries = 0; tries < TRIES; tries += 1) {
      try {
        // Unlike a rename, a link fails when the name is there already: one winner.
        await link(mine, path);
        return () => rm(path, { force: true });
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
      }
      const found = await readObject(path);
      const pid = found?.pid;
      const ticks = typeof found?.ticks === 'string' ? found.ticks : null;
      if (typeof pid === 'number' && isAlive({ pid, ticks })) {
        throw new MusterError('DATA_FOLDER_LOCKED', `process ${pid} uses the data folder ${folder}`, {
          hint: 'stop that agent, or give this one a --data folder of its own',
          details: { pid },
        });
      }
      // Of several that find a dead holder one moves its lock away; the others see theirs gone and try again.
      await rename(path, `${mine}.old`).catch((thrown: NodeJS.ErrnoException) => {
        if (thrown.code !== 'ENOENT') throw thrown;
      });
      await rm(`${mine}.old`, { force: true });
    }
    throw new MusterError('DATA_FOLDER_LOCKED', `the lock of ${folder} keeps changing hands`);
  } finally {
    await rm(mine, { force: true });
  }
};

const nameOfHost = (): string =>
  hostname()
    .replace(/[^A-Za-z0-9_-]/g, '-')
    .replace(/^-+/, '')
    .slice(0, 63) || 'node';

/** The name given, else the one that was kept, else the host's; kept for the next time. */
const nodeName = async (folder: string, given: string | null): Promise<string> => {
  const path = join(folder, NODE);
  const kept = (await readObject(path))?.node;
  const node = given ?? (typeof kept === 'string' && NODE_NAME.test(kept) ? kept : nameOfHost());
  if (!NODE_NAME.test(node)) {
    throw new MusterError('BAD_CONFIG', `"${node}" can't be the name of a node`, {
      hint: 'up to 63 letters, digits, dots, "_" and "-", a letter or digit first',
    });
  }
  if (node === kept) return node;
  const beside = `${path}.${process.pid}.new`;
  const file = await open(beside, 'w');
  try {
    await file.writeFile(`${JSON.stringify({ node })}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
  return node;
};

/**
 * Takes a data folder for this process, or a private one that goes away with it.
 *
 * @throws MusterError `DATA_FOLDER_LOCKED` naming the pid of the agent that has it, or `BAD_CONFIG` for a name that can't be.
 */
export const takeDataFolder = async (data: string | null, node: string | null): Promise<DataFolder> => {
  const path = data === null ? await mkdtemp(join(tmpdir(), 'muster-agent-')) : resolve(data);
  await mkdir(path, { recursive: true });
  const unlock = await takeLock(path);
  const release = async (): Promise<void> => {
    await unlock();
    if (data === null) await rm(path, { recursive: true, force: true });
  };
  try {
    return { path, node: await nodeName(path, node), release };
  } catch (thrown) {
    await release();
    throw thrown;
  }
};
