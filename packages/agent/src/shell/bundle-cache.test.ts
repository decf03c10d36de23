import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BundleHash } from '@muster/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BundleCache } from './bundle-cache.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-bundles-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const hashOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}` as BundleHash;

describe('the cache of bundles', () => {
  it('keeps a bundle that came in pieces, as a module', async () => {
    const cache = new BundleCache(join(folder, 'bundles'));
    expect(await cache.find(hashOf('export {}'))).toBeNull();
    const path = await cache.store(hashOf('export {}'), [Buffer.from('export'), Buffer.from(' {}')]);
    expect(path).toMatch(/\/bundles\/[0-9a-f]{64}\.mjs$/);
    expect(await readFile(path, 'utf8')).toBe('export {}');
    expect(await cache.find(hashOf('export {}'))).toBe(path);
  });

  it('takes nothing that is not what its hash says, neither from the broker nor from the disk', async () => {
    const cache = new BundleCache(folder);
    await expect(cache.store(hashOf('a'), [Buffer.from('b')])).rejects.toMatchObject({ code: 'BUNDLE_CORRUPT' });
    const path = await cache.store(hashOf('a'), [Buffer.from('a')]);
    await writeFile(path, 'tampered');
    expect(await cache.find(hashOf('a'))).toBeNull();
  });

  it('is bounded', async () => {
    const cache = new BundleCache(folder);
    for (let n = 0; n < 40; n += 1) await cache.store(hashOf(`${n}`), [Buffer.from(`${n}`)]);
    expect(await readdir(folder)).toHaveLength(32);
    expect(await cache.find(hashOf('39'))).not.toBeNull();
  });
});
