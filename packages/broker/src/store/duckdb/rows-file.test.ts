import { cp, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RowsFile } from './rows-file.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-rows-file-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const MIB = 1_024 * 1_024;
/** Pieces of a commit, all different. */
const piecesOf = (commit: number, count: number, bytes: number) =>
  Array.from({ length: count }, (_, n) => ({
    kinds: new Map([['mine', 1]]),
    bytes: Buffer.alloc(bytes, `[{"commit":${commit},"n":${n}}]`),
  }));

/** What somebody finds who opens the files as a process that was killed now would leave them. */
const found = async (path: string) => {
  const copy = await mkdtemp(join(folder, 'copy-'));
  for (const end of ['', '.wal'])
    await cp(`${path}${end}`, join(copy, `x.duckdb${end}`)).catch((thrown: NodeJS.ErrnoException) => {
      if (end === '' || thrown.code !== 'ENOENT') throw thrown;
    });
  const file = await RowsFile.open(join(copy, 'x.duckdb'));
  try {
    const pieces: Buffer[] = [];
    for (let infos = await file.index(0); infos.length > 0; infos = await file.index(pieces.length))
      for (const { number } of infos) pieces.push(Buffer.from((await file.piece(number)) ?? []));
    return { written: await file.written(), counts: await file.counts(), pieces };
  } finally {
    await file.close();
    await rm(copy, { recursive: true });
  }
};

describe('a file of rows', () => {
  it('holds every commit from the moment that it is told, small ones and those that go into it at once', async () => {
    const path = join(folder, 'x.duckdb');
    const file = await RowsFile.open(path);
    const all: Buffer[] = [];
    const plan = [0.2, 8, 8, 0.2, 0.2, 12, 0.2, 7];
    for (const [index, size] of plan.entries()) {
      const pieces = piecesOf(index, 4, (size * MIB) / 4);
      const counts = new Map([['mine', pieces.length]]);
      await file.commit({ number: index + 1, pieces, counts, urls: new Map(), errors: [] });
      all.push(...pieces.map(({ bytes }) => bytes));
      const there = await found(path);
      expect(there.written).toBe(index + 1);
      expect(there.counts).toEqual(new Map([['mine', all.length]]));
      expect(there.pieces.length).toBe(all.length);
      for (const [n, piece] of there.pieces.entries()) expect(piece.equals(all[n] ?? Buffer.alloc(0))).toBe(true);
    }
    await file.close();
  });

  it('is written once by commits that go into it at once: nothing of them is in the log', async () => {
    const path = join(folder, 'x.duckdb');
    const file = await RowsFile.open(path);
    for (const number of [1, 2, 3]) {
      const pieces = piecesOf(number, 8, MIB);
      await file.commit({ number, pieces, counts: new Map(), urls: new Map(), errors: [] });
      const log = await stat(`${path}.wal`).then(
        ({ size }) => size,
        () => 0,
      );
      expect(log).toBeLessThan(MIB);
    }
    expect((await stat(path)).size).toBeLessThan(3 * 8 * MIB * 1.2);
    await file.close();
  });
});
