import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BundleHash } from '@muster/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BundleShelf } from './bundle-shelf.js';

const hashOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}` as BundleHash;
const MAX = 1_000_000;
let folder: string;
let nowMs: number;
const open = () => BundleShelf.open(folder, MAX, () => nowMs);
beforeEach(async () => {
  nowMs = 0;
  folder = await mkdtemp(join(tmpdir(), 'muster-bundles-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const putAll = async (shelf: BundleShelf, bytes: Uint8Array, cut: number, client = 'c') => {
  const hash = hashOf(bytes);
  let last = { received: 0 };
  for (let offset = 0; offset < bytes.length; offset += cut)
    last = await shelf.put(client, { hash, size: bytes.length, offset, data: bytes.subarray(offset, offset + cut) });
  return last;
};

describe('a shelf of bundles', () => {
  it('gives back what was put, in whatever pieces, also after a restart', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 3_000 }),
        fc.integer({ min: 1, max: 1_500 }),
        async (bytes, cut) => {
          const shelf = await open();
          expect(await putAll(shelf, bytes, cut)).toEqual({ received: bytes.length });
          const again = await open();
          expect(again.sizeOf(hashOf(bytes))).toBe(bytes.length);
          expect([...(await again.get(hashOf(bytes), 0)).data]).toEqual([...bytes]);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('hands out large ones piece by piece', async () => {
    const bytes = Buffer.alloc(600_000, 'muster');
    const shelf = await open();
    await putAll(shelf, bytes, 256 * 1_024);
    const pieces: Uint8Array[] = [];
    for (let offset = 0; offset < bytes.length; ) {
      const { size, data } = await shelf.get(hashOf(bytes), offset);
      expect(size).toBe(bytes.length);
      pieces.push(data);
      offset += data.byteLength;
    }
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
    expect((await shelf.get(hashOf(bytes), bytes.length)).data.byteLength).toBe(0);
  });

  it('takes a piece that does not continue what is held for none, and says where to go on', async () => {
    const bytes = Buffer.from('0123456789');
    const shelf = await open();
    const piece = { hash: hashOf(bytes), size: 10, offset: 0, data: bytes.subarray(0, 4) };
    await shelf.put('c', piece);
    expect(await shelf.put('c', piece)).toEqual({ received: 4 });
    expect(await shelf.put('c', { ...piece, offset: 6 })).toEqual({ received: 4 });
    await shelf.put('c', { ...piece, offset: 4, data: bytes.subarray(4) });
    expect(shelf.sizeOf(piece.hash)).toBe(10);
  });

  it('keeps two clients that put the same apart', async () => {
    const bytes = Buffer.from('0123456789');
    const shelf = await open();
    const hash = hashOf(bytes);
    await shelf.put('a', { hash, size: 10, offset: 0, data: bytes.subarray(0, 5) });
    expect(await putAll(shelf, bytes, 3, 'b')).toEqual({ received: 10 });
    expect(await shelf.put('a', { hash, size: 10, offset: 5, data: bytes.subarray(5) })).toEqual({ received: 10 });
  });

  it('refuses what is too large, and bytes that do not fit their hash', async () => {
    const shelf = await open();
    const hash = hashOf(Buffer.from('other'));
    const data = Buffer.from('bytes');
    await expect(shelf.put('c', { hash, size: MAX + 1, offset: 0, data })).rejects.toMatchObject({
      code: 'BUNDLE_TOO_LARGE',
    });
    await expect(shelf.put('c', { hash, size: 5, offset: 0, data })).rejects.toMatchObject({ code: 'BUNDLE_CORRUPT' });
    expect(shelf.sizeOf(hash)).toBeNull();
    await expect(shelf.get(hash, 0)).rejects.toMatchObject({ code: 'BUNDLE_UNKNOWN' });
  });

  it('forgets an upload that nobody goes on with', async () => {
    const shelf = await open();
    const bytes = Buffer.from('0123456789');
    const piece = { hash: hashOf(bytes), size: 10, offset: 0, data: bytes.subarray(0, 4) };
    await shelf.put('c', piece);
    nowMs = 61_000;
    expect(await shelf.put('c', { ...piece, offset: 4, data: bytes.subarray(4) })).toEqual({ received: 0 });
  });
});
