import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as bundlePackage from '@muster/bundle';
import { bundle } from '@muster/client/bundle';
import { describe, expect, it } from 'vitest';
import { type Bundler, loadBundler } from './load-bundler.js';

/** The package is found by its name at run time: that it fits is checked here. */
const fits = (real: typeof bundlePackage): Bundler => real;

describe('the optional bundler', () => {
  it('is asked for by name where it is missing', async () => {
    const absent = Object.assign(new Error("Cannot find package '@muster/bundle' imported from /x"), {
      code: 'ERR_MODULE_NOT_FOUND',
    });
    await expect(loadBundler(() => Promise.reject(absent))).rejects.toMatchObject({
      code: 'NOT_SUPPORTED',
      cause: absent,
    });
    const other = Object.assign(new Error("Cannot find package 'esbuild'"), { code: 'ERR_MODULE_NOT_FOUND' });
    await expect(loadBundler(() => Promise.reject(other))).rejects.toBe(other);
    expect(fits).toBeTypeOf('function');
  });

  it('makes what can be submitted', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'muster-client-'));
    try {
      const file = join(folder, 'test.ts');
      await writeFile(
        file,
        "import { http } from '@muster/script';\nexport default () => http.get('http://127.0.0.1:1/');\n",
      );
      expect(await bundle(file)).toMatchObject({
        name: 'test.ts',
        hash: expect.stringMatching(/^sha256:/),
        warnings: [],
      });
      await expect(bundle(join(folder, 'absent.ts'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
