import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { crc32 } from '@muster/daemon';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expandGlob } from './glob.js';
import { includeFiles } from './include-files.js';
import { zip } from './zip.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-files-'));
  await mkdir(join(folder, 'lib', 'deep'), { recursive: true });
  await mkdir(join(folder, '.git'));
  for (const name of ['a.py', 'b.py', 'c[1].txt', '.hidden.py', 'lib/d.py', 'lib/deep/e.py', '.git/f.py'])
    await writeFile(join(folder, name), name);
  await chmod(join(folder, 'a.py'), 0o755);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a pattern', () => {
  it.each<[string, readonly string[]]>([
    ['*.py', ['a.py', 'b.py']],
    ['./?.py', ['a.py', 'b.py']],
    ['[!a].py', ['b.py']],
    ['[ab].*', ['a.py', 'b.py']],
    ['.*.py', ['.hidden.py']],
    ['lib/*', ['lib/d.py', 'lib/deep']],
    ['*/d.py', ['lib/d.py']],
    ['**/*.py', ['a.py', 'b.py', 'lib/d.py', 'lib/deep/e.py']],
    ['lib/**/e.py', ['lib/deep/e.py']],
    ['*.rb', []],
    ['nowhere/*.py', []],
    ['plain', ['plain']],
    ['x(*', []],
  ])('%s names %j', async (pattern, paths) => {
    expect(await expandGlob(pattern, folder)).toEqual(paths);
  });
});

describe('files that go along', () => {
  it('are those of patterns and folders, once each, with their permissions', async () => {
    const files = await includeFiles(['*.py', 'lib', 'a.py'], folder);
    expect(files.map(({ path }) => path)).toEqual(['a.py', 'b.py', 'lib/d.py', 'lib/deep/e.py']);
    expect(files[0]?.mode).toBe(0o755);
    expect(files[2]?.bytes.toString()).toBe('lib/d.py');
  });

  it('must be there, and below the folder', async () => {
    await expect(includeFiles(['*.rb'], folder)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    await expect(includeFiles(['gone.py'], folder)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    await expect(includeFiles(['../x'], folder)).rejects.toMatchObject({ code: 'BAD_CONFIG' });
    await expect(includeFiles(['/etc/hosts'], folder)).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });

  it('are taken where a link leads', async () => {
    await symlink(join(folder, 'a.py'), join(folder, 'lib', 'link'));
    expect((await includeFiles(['lib/link'], folder)).map(({ bytes }) => bytes.toString())).toEqual(['a.py']);
  });
});

describe('an archive', () => {
  it('lists every file with size, sum, permissions and place', () => {
    const files = [
      { path: 'a.py', bytes: Buffer.from('print(1)\n'.repeat(50)), mode: 0o755 },
      { path: 'ü/empty', bytes: Buffer.alloc(0), mode: 0o644 },
    ];
    const archive = zip(files);
    const end = archive.length - 22;
    expect(archive.readUInt32LE(end)).toBe(0x06054b50);
    expect(archive.readUInt16LE(end + 10)).toBe(2);
    let at = archive.readUInt32LE(end + 16);
    for (const { path, bytes, mode } of files) {
      expect(archive.readUInt32LE(at)).toBe(0x02014b50);
      expect(archive.readUInt32LE(at + 16)).toBe(crc32(bytes));
      expect((archive.readUInt32LE(at + 38) >>> 16) & 0o777).toBe(mode);
      const name = archive.readUInt16LE(at + 28);
      expect(archive.toString('utf8', at + 46, at + 46 + name)).toBe(path);
      const local = archive.readUInt32LE(at + 42);
      expect(archive.readUInt32LE(local)).toBe(0x04034b50);
      const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
      const packed = archive.subarray(start, start + archive.readUInt32LE(at + 20));
      expect(inflateRawSync(packed)).toEqual(bytes);
      at += 46 + name;
    }
    expect(at).toBe(end);
    expect(zip(files)).toEqual(archive);
  });
});
