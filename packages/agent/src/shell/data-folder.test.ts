import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MusterError } from '@muster/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeDataFolder } from './data-folder.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-folder-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const faultOf = (promise: Promise<unknown>): Promise<MusterError> =>
  promise.then(
    () => Promise.reject(new Error('it was taken')),
    (thrown: MusterError) => thrown,
  );

describe('a data folder', () => {
  it('keeps the node’s name', async () => {
    const first = await takeDataFolder(folder, 'web-7');
    expect(first.node).toBe('web-7');
    await first.release();
    const second = await takeDataFolder(folder, null);
    expect(second.node).toBe('web-7');
    await second.release();
    const third = await takeDataFolder(folder, 'web-8');
    await third.release();
    expect(JSON.parse(await readFile(join(folder, 'node.json'), 'utf8'))).toEqual({ node: 'web-8' });
  });

  it('takes the host’s name when there is none, and refuses one that can’t be', async () => {
    const taken = await takeDataFolder(folder, null);
    expect(taken.node).toMatch(/^[A-Za-z0-9]/);
    await taken.release();
    expect((await faultOf(takeDataFolder(folder, 'a b'))).code).toBe('BAD_CONFIG');
    await (await takeDataFolder(folder, 'fine')).release();
  });

  it('is for one agent; a second one is told whose it is', async () => {
    const taken = await takeDataFolder(folder, null);
    const fault = await faultOf(takeDataFolder(folder, null));
    expect(fault).toMatchObject({ code: 'DATA_FOLDER_LOCKED', details: { pid: process.pid } });
    await taken.release();
    await (await takeDataFolder(folder, null)).release();
  });

  it('is a private one that goes away when none is given', async () => {
    const taken = await takeDataFolder(null, null);
    expect((await stat(taken.path)).isDirectory()).toBe(true);
    await taken.release();
    await expect(stat(taken.path)).rejects.toThrow('ENOENT');
  });
});
