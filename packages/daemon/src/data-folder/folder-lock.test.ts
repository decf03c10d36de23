import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockFolder } from './folder-lock.js';

const OWNER = { file: 'some.lock', hint: 'stop the other' };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the lock of a data folder', () => {
  it('is for one process; a second one is told whose it is', async () => {
    const below = join(folder, 'made', 'here');
    const lock = await lockFolder(below, OWNER);
    await expect(lockFolder(below, OWNER)).rejects.toMatchObject({
      code: 'DATA_FOLDER_LOCKED',
      hint: 'stop the other',
      details: { pid: process.pid },
    });
    await lock.release();
    await (await lockFolder(below, OWNER)).release();
  });

  it('is taken over from a process that is no more', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.once('exit', resolve));
    await writeFile(join(folder, OWNER.file), JSON.stringify({ pid: child.pid, ticks: '1' }));
    await (await lockFolder(folder, OWNER)).release();
    // A pid that is in use again, but by a process that began at another time.
    await writeFile(join(folder, OWNER.file), JSON.stringify({ pid: process.pid, ticks: '1' }));
    await (await lockFolder(folder, OWNER)).release();
    await writeFile(join(folder, OWNER.file), 'half writ');
    await (await lockFolder(folder, OWNER)).release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('goes to one of many that want it at once, each time', async () => {
    for (let round = 0; round < 30; round += 1) {
      await writeFile(join(folder, OWNER.file), JSON.stringify({ pid: 2 ** 22 + 1, ticks: null }));
      const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder, OWNER)));
      const winners = tries.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      expect(winners).toHaveLength(1);
      for (const each of tries)
        if (each.status === 'rejected') expect(each.reason).toMatchObject({ details: { pid: process.pid } });
      await winners[0]?.release();
    }
    expect(await readdir(folder)).toEqual([]);
  });

  it('is free although one died while it took the lock over', async () => {
    const dead = JSON.stringify({ pid: 2 ** 22 + 1, ticks: null });
    for (const second of [dead, '']) {
      await writeFile(join(folder, OWNER.file), dead);
      await writeFile(join(folder, `${OWNER.file}.taking`), second);
      await (await lockFolder(folder, OWNER)).release();
      expect(await readdir(folder)).toEqual([]);
    }
  });
});
