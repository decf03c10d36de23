import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type LockOwner, lockFolder, readObject, writeWhole } from '@muster/daemon';
import { MusterError } from '@muster/protocol';

/** A data folder that this process holds, and the node's name in it. */
export interface DataFolder {
  readonly path: string;
  readonly node: string;
  /** Lets go of it; a private one is removed. */
  release(): Promise<void>;
}

const LOCK: LockOwner = {
  file: 'agent.lock',
  hint: 'stop that agent, or give this one a --data folder of its own',
};
const NODE = 'node.json';
/** An agent id is the node's name, a dot and six digits, in the letters that the wire allows. */
const NODE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

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
  if (node !== kept) await writeWhole(path, `${JSON.stringify({ node })}\n`);
  return node;
};

/**
 * Takes a data folder for this process, or a private one that goes away with it.
 *
 * @throws MusterError `DATA_FOLDER_LOCKED` naming the pid of the agent that has it, or `BAD_CONFIG` for a name that can't be.
 */
export const takeDataFolder = async (data: string | null, node: string | null): Promise<DataFolder> => {
  const path = data === null ? await mkdtemp(join(tmpdir(), 'muster-agent-')) : resolve(data);
  const lock = await lockFolder(path, LOCK);
  const release = async (): Promise<void> => {
    await lock.release();
    if (data === null) await rm(path, { recursive: true, force: true });
  };
  try {
    return { path, node: await nodeName(path, node), release };
  } catch (thrown) {
    await release();
    throw thrown;
  }
};
