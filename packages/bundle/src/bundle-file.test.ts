import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleFile, readBundleHead } from '@muster/bundle';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-bundle-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = async (name: string, text: string, at = folder): Promise<string> => {
  const path = join(at, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  return path;
};
const pkg = (name: string, manifest: object, index: string) =>
  Promise.all([
    write(
      `node_modules/${name}/package.json`,
      JSON.stringify({ name, version: '1.0.0', main: 'index.js', ...manifest }),
    ),
    write(`node_modules/${name}/index.js`, index),
  ]);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe('bundleFile', () => {
  it('makes one module without imports of ours, opened by its head', async () => {
    const file = await write(
      't.ts',
      `import http, { check } from '@muster/script';\nexport default async function () { check(await http.get('http://127.0.0.1/'), {}); }`,
    );
    const bundle = await bundleFile(file);
    expect(readBundleHead(bundle.bytes)).toMatchObject({ format: 1, name: 't.ts' });
    expect(bundle.hash).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(textOf(bundle.bytes)).not.toMatch(/from\s*['"]@muster/);
    expect(bundle.exports).toContain('default');
    // A bundle that has the word is followed more carefully, and more slowly.
    expect(textOf(bundle.bytes)).not.toContain('WebSocket');
  });

  it('gives the same hash in another folder', async () => {
    const text = `import { double } from './lib/double.ts';\nexport const options = { vus: double(2) };\nexport default function () {}`;
    const lib = 'export const double = (n: number): number => n * 2;\n';
    const other = await mkdtemp(join(tmpdir(), 'muster-other-place-'));
    await Promise.all([
      write('t.ts', text),
      write('lib/double.ts', lib),
      write('t.ts', text, other),
      write('lib/double.ts', lib, other),
    ]);
    const [here, there] = await Promise.all([bundleFile(join(folder, 't.ts')), bundleFile(join(other, 't.ts'))]);
    await rm(other, { recursive: true });
    expect(here.hash).toBe(there.hash);
    expect(textOf(here.bytes)).not.toContain(folder);
  });

  it('runs CommonJS packages that ask for node modules', async () => {
    await pkg(
      'old-style',
      {},
      `const path = require('path'); module.exports = { base: (p) => path.basename(p), here: typeof __dirname };`,
    );
    const bundle = await bundleFile(
      await write('t.ts', `import old from 'old-style';\nexport default () => [old.base('/a/b'), old.here];`),
    );
    const made = await write('made.mjs', textOf(bundle.bytes));
    const module = (await import(pathToFileURL(made).href)) as { default: () => unknown };
    expect(module.default()).toEqual(['b', 'string']);
  });

  it('says what an import that is not there needs', async () => {
    const faults = [
      ['@acme/shop/cart', 'there is no package "@acme/shop" above the test: npm install @acme/shop, or'],
      ['./no-such.js', 'there is no file "./no-such.js"'],
    ] as const;
    for (const [name, message] of faults) {
      const file = await write('t.ts', `import '${name}';\nexport default () => {};`);
      await expect(bundleFile(file)).rejects.toMatchObject({ message: expect.stringContaining(message) });
    }
  });

  it('names file, line and column of a syntax error', async () => {
    const file = await write('broken.ts', 'export default function () {\n  const x = ;\n}\n');
    await expect(bundleFile(file)).rejects.toMatchObject({
      code: 'SCRIPT_SYNTAX',
      message: expect.stringContaining('broken.ts:2:13'),
    });
  });

  it('names an import that is not there', async () => {
    const file = await write('t.ts', `import './nowhere.ts';\nexport default () => {};`);
    await expect(bundleFile(file)).rejects.toMatchObject({
      code: 'SCRIPT_SYNTAX',
      message: expect.stringContaining('t.ts:1'),
    });
  });

  it('names an export that the script module does not have', async () => {
    const file = await write('t.ts', `import { teleport } from '@muster/script';\nexport default () => teleport();`);
    await expect(bundleFile(file)).rejects.toMatchObject({
      code: 'SCRIPT_SYNTAX',
      message: expect.stringContaining('teleport'),
    });
  });

  it('refuses a missing file and a file without a test', async () => {
    await expect(bundleFile(join(folder, 'none.ts'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    await expect(bundleFile(folder)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    await expect(bundleFile(await write('o.ts', 'export const options = {};'))).rejects.toMatchObject({
      code: 'NO_TEST',
    });
  });

  it('refuses a package that needs a native binary, by its name', async () => {
    await pkg('fast-thing', {}, `const b = require('bindings'); exports.go = () => b('fast');`);
    await pkg('bindings', {}, 'module.exports = () => {};');
    const file = await write('t.ts', `import { go } from 'fast-thing';\nexport default () => go();`);
    await expect(bundleFile(file)).rejects.toMatchObject({
      code: 'NATIVE_MODULE',
      message: expect.stringContaining('fast-thing'),
    });
  });

  it('takes a package that only would like a native binary', async () => {
    await pkg('fast-thing', {}, `module.exports = require('bindings')('fast');`);
    await pkg('bindings', {}, 'module.exports = () => 42;');
    await pkg(
      'careful',
      { optionalDependencies: { 'fast-thing': '1' } },
      `let how = 'slow'; try { require('fast-thing'); how = 'fast'; } catch (e) { how = e.code; } module.exports = how;`,
    );
    const bundle = await bundleFile(await write('t.ts', `import how from 'careful';\nexport default () => how;`));
    const module = (await import(pathToFileURL(await write('made.mjs', textOf(bundle.bytes))).href)) as {
      default: () => unknown;
    };
    expect(module.default()).toBe('NATIVE_MODULE');
  });

  it('tells users of k6 what to import', async () => {
    const file = await write('t.ts', `import http from 'k6/http';\nexport default () => http.get('x');`);
    await expect(bundleFile(file)).rejects.toMatchObject({ message: expect.stringContaining('@muster/script') });
  });
});
