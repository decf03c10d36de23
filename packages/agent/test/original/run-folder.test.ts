import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileInRunFolder, makeRunFolder, removeRunFolder } from '../../src/original/run-folder.js';
import { readZip } from '../../src/original/unzip.js';
import { makeZip, type Packed } from './support/zip.js';

let data: string;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'muster-folder-'));
});
afterEach(() => rm(data, { recursive: true, force: true }));

const make = (files: readonly Packed[] | null, testDir: string | null = null) =>
  makeRunFolder({
    data,
    agent: 'agent-1',
    run: 'r1',
    job: 1,
    testDir,
    filedata: files === null ? null : makeZip(files).toString('base64'),
  });
const refusal = async (files: readonly Packed[], testDir: string | null = null): Promise<string> =>
  make(files, testDir).then(
    () => 'taken',
    (thrown: Error) => thrown.message,
  );
const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

describe('the folder of a run', () => {
  it('gets the files, packed or not, with their permissions but no more than those', async () => {
    const folder = await make([
      { name: 'lib/', mode: 0o040755 },
      { name: 'lib/deep/a.txt', text: 'deep' },
      { name: 'run.sh', text: '#!/bin/sh\n', mode: 0o104755 },
      { name: '/absolute.txt', text: 'inside', stored: true },
      { name: './empty' },
    ]);
    expect(await readFile(join(folder.path, 'lib/deep/a.txt'), 'utf8')).toBe('deep');
    expect(await readFile(join(folder.path, 'absolute.txt'), 'utf8')).toBe('inside');
    expect(await readFile(join(folder.path, 'empty'), 'utf8')).toBe('');
    expect((await stat(join(folder.path, 'run.sh'))).mode & 0o7777).toBe(0o755);
    await removeRunFolder(folder);
    expect(await exists(folder.path)).toBe(false);
  });

  it('takes what the zip module of Python writes', async () => {
    const script = `import io,sys,zipfile,base64
b=io.BytesIO()
z=zipfile.ZipFile(b,'w',zipfile.ZIP_DEFLATED)
z.writestr('a/b.py','print(1)'*50)
z.writestr('c.txt','')
z.close()
sys.stdout.write(base64.b64encode(b.getvalue()).decode())`;
    const filedata = execFileSync('/usr/bin/python3', ['-c', script], { encoding: 'utf8' });
    const folder = await makeRunFolder({ data, agent: 'a', run: 'r', job: 1, testDir: null, filedata });
    expect(await readFile(join(folder.path, 'a/b.py'), 'utf8')).toBe('print(1)'.repeat(50));
  });

  it('is there without files, and with an archive of none', async () => {
    expect(await exists((await make(null)).path)).toBe(true);
    expect(await exists((await make([])).path)).toBe(true);
  });

  it('stays, named after the agent and the run, where the client named one', async () => {
    const folder = await make([{ name: 'a', text: '1' }], 'work');
    expect(folder.path).toBe(join(data, 'workagent-1', 'r1'));
    await removeRunFolder(folder);
    expect(await exists(join(folder.path, 'a'))).toBe(true);
  });

  it.each([
    ['a step up', { name: '../out', text: 'x' }],
    ['a step up on the way', { name: 'a/../../out', text: 'x' }],
    ['a step up behind a slash', { name: '/../out', text: 'x' }],
    ['a step up in the manner of Windows', { name: 'a\\..\\..\\out', text: 'x' }],
    ['a symbolic link', { name: 'link', text: '/etc', mode: 0o120777 }],
    ['a device', { name: 'null', mode: 0o020666 }],
    ['a name that is none', { name: './', mode: 0o040755 }],
    ['a name with a zero in it', { name: 'a\0b' }],
  ] satisfies [string, Packed][])('refuses %s, and writes nothing', async (_, file) => {
    expect(await refusal([{ name: 'first', text: 'x' }, file])).toContain('[BAD_MESSAGE]');
    expect(await exists(join(data, 'out'))).toBe(false);
    expect(await exists(join(data, 'runs', 'r1-1', 'first'))).toBe(false);
  });

  it('follows no link that lies there already, neither for a folder nor for a file', async () => {
    const outside = join(data, 'outside');
    const inside = join(data, 'workagent-1', 'r1');
    await mkdir(outside);
    await mkdir(inside, { recursive: true });
    await writeFile(join(outside, 'kept'), 'kept');
    await symlink(outside, join(inside, 'door'));
    await symlink(join(outside, 'kept'), join(inside, 'file'));
    expect(await refusal([{ name: 'door/new', text: 'x' }], 'work')).toContain('no folder');
    expect(await refusal([{ name: 'file', text: 'x' }], 'work')).toContain("can't be written");
    expect(await exists(join(outside, 'new'))).toBe(false);
    expect(await readFile(join(outside, 'kept'), 'utf8')).toBe('kept');
  });

  it.each([
    ['a wrong checksum', { name: 'a', text: 'abc', sum: 1 }],
    ['more than was promised', { name: 'a', text: 'abc'.repeat(100), size: 3 }],
  ] satisfies [string, Packed][])('refuses %s', async (_, file) => {
    expect(await refusal([file])).toContain('[BAD_MESSAGE]');
  });

  it('refuses what is no archive, and one that unpacks to too much', async () => {
    const folder = { data, agent: 'a', run: 'r', job: 1, testDir: null };
    await expect(makeRunFolder({ ...folder, filedata: 'bm8gemlw' })).rejects.toThrow('no zip archive');
    const bomb = makeZip([{ name: 'a', size: 0xffff_ffff }]);
    expect(() => readZip(bomb)).toThrow('unpacked they have more than');
    expect(() => readZip(makeZip([{ name: 'a' }, { name: 'b' }]), { entries: 1, bytes: 10 })).toThrow('more than 1');
  });

  it('never throws anything but its own refusal, whatever the bytes are', () => {
    const whole = makeZip([
      { name: 'a/b', text: 'text'.repeat(20) },
      { name: 'c', text: 'more', stored: true },
    ]);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(whole.byteLength - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          for (const entry of readZip(bytes)) if (!entry.isFolder) entry.read();
        } catch (thrown) {
          expect((thrown as { code?: string }).code).toBe('BAD_MESSAGE');
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('knows which test files came along, and is not led out by a link', async () => {
    const folder = await make([{ name: 'tests/a.ts', text: '' }]);
    await symlink('/etc/hostname', join(folder.path, 'out.ts'));
    expect(await fileInRunFolder(folder, 'tests/a.ts')).toBe(join(folder.path, 'tests/a.ts'));
    await expect(fileInRunFolder(folder, 'tests/b.ts')).rejects.toThrow('[FILE_NOT_FOUND]');
    await expect(fileInRunFolder(folder, 'out.ts')).rejects.toThrow('[FILE_NOT_FOUND]');
  });
});
