import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleFile } from '@muster/bundle';
import colors from 'picocolors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Io } from '../src/io.js';
import { installNpmDeps } from '../src/npm-deps.js';

let folder: string;
let io: Io;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-npm-'));
  await mkdir(join(folder, 'greet'));
  const scripts = { install: 'touch ran' };
  await writeFile(join(folder, 'greet', 'package.json'), JSON.stringify({ name: 'greet', version: '1.0.0', scripts }));
  await writeFile(join(folder, 'greet', 'index.js'), "exports.word = 'hello from a package';\n");
  await writeFile(
    join(folder, 't.ts'),
    "import { word } from 'greet';\nexport default () => { if (word === '') throw 1; };\n",
  );
  io = {
    out: () => undefined,
    err: () => undefined,
    terminal: false,
    columns: () => 80,
    env: process.env,
    cwd: folder,
    colors: colors.createColors(false),
    onInterrupt: () => () => undefined,
    ask: async () => '',
  };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('packages for one run', () => {
  it('are installed apart, without their scripts, and found by the test that imports them', async () => {
    await expect(bundleFile(join(folder, 't.ts'))).rejects.toMatchObject({ code: 'SCRIPT_SYNTAX' });
    const deps = await installNpmDeps([`file:${join(folder, 'greet')}`], io);
    expect(existsSync(join(deps.nodeModules, 'greet', 'ran'))).toBe(false);
    expect(await readFile(join(deps.nodeModules, 'greet', 'index.js'), 'utf8')).toContain('hello');
    const { bytes } = await bundleFile(join(folder, 't.ts'), { packages: [deps.nodeModules] });
    expect(Buffer.from(bytes).toString()).toContain('hello from a package');
    await deps[Symbol.asyncDispose]();
    expect(existsSync(deps.folder)).toBe(false);
  });

  it('must be packages, and there', async () => {
    await expect(installNpmDeps(['--global'], io)).rejects.toMatchObject({ code: 'BAD_CONFIG' });
    await expect(installNpmDeps([`file:${join(folder, 'gone')}`], io)).rejects.toThrow('npm could not install');
  });
});
