import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { MusterError } from '@muster/protocol';

/** A node's name, kept in its data folder, and the boot of this process. */
export interface NodeIdentity {
  readonly node: string;
  readonly boot: string;
  readonly folder: string;
  /** Lets go of the folder; a private one is removed. */
  readonly release: () => void;
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** One process per folder: the lock names the process that holds it. @throws MusterError `DATA_FOLDER_LOCKED`. */
const lock = (folder: string): (() => void) => {
  const path = join(folder, 'agent.lock');
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
      const holder = Number(readFileSync(path, 'utf8'));
      if (holder !== process.pid && Number.isInteger(holder) && holder > 0 && alive(holder)) {
        throw new MusterError('DATA_FOLDER_LOCKED', `process ${holder} uses the data folder ${folder}`, {
          hint: 'give each agent a --data folder of its own',
        });
      }
      rmSync(path, { force: true });
    }
  }
  throw new MusterError('DATA_FOLDER_LOCKED', `can't lock the data folder ${folder}`);
};

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

/** The node's name: the one given, else the one kept, else the host's. */
export const nodeIdentity = (data: string | null, given: string | null): NodeIdentity => {
  const folder = data ?? mkdtempSync(join(tmpdir(), 'muster-agent-'));
  mkdirSync(folder, { recursive: true });
  const unlock = lock(folder);
  const kept = join(folder, 'node.json');
  const known = existsSync(kept)
    ? (JSON.parse(readFileSync(kept, 'utf8')) as { readonly node?: string }).node
    : undefined;
  const node =
    given ??
    known ??
    (hostname()
      .replace(/[^A-Za-z0-9_-]/g, '-')
      .slice(0, 63) ||
      'node');
  if (!NAME.test(node)) {
    unlock();
    throw new MusterError('BAD_CONFIG', `"${node}" can't be the name of a node`, {
      hint: 'use letters, digits, "-" and "_", 63 at most',
    });
  }
  if (known !== node) writeFileSync(kept, JSON.stringify({ node }));
  return {
    node,
    boot: randomBytes(16).toString('hex'),
    folder,
    release: () => {
      unlock();
      if (data === null) rmSync(folder, { recursive: true, force: true });
    },
  };
};
