import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { bytesOf } from '../../options/store-choice.js';
import type { OpenStore } from '../store-backend.js';
import { CatalogueFile } from './catalogue-file.js';
import { RowsTable } from './rows-catalogue.js';
import { RowsFile } from './rows-file.js';
import { RunFile } from './run-file.js';

const ENDING = '.duckdb';

/**
 * The embedded store: `catalogue.duckdb`, `runs/<id>.duckdb` per native run, `originals/<id>.duckdb` per run of the
 * original. Options: `directory` (in place of the data folder), `sync-delay` (milliseconds), `max-size` (of `originals/`).
 */
export const openDuckdbBackend: OpenStore = async ({ folder, options }) => {
  const home = options.directory === undefined ? folder : resolve(options.directory);
  const [runs, originals] = [join(home, 'runs'), join(home, 'originals')];
  await mkdir(runs, { recursive: true });
  await mkdir(originals, { recursive: true });
  const catalogue = await CatalogueFile.open(join(home, 'catalogue.duckdb'));
  const pathOf = (run: string) => join(originals, `${run}${ENDING}`);
  return {
    catalogue,
    openBook: (run) => RunFile.open(join(runs, `${run}.duckdb`)),
    rowsCatalogue: new RowsTable(catalogue),
    openRows: (run) => RowsFile.open(pathOf(run)),
    removeRows: async (run) => {
      await rm(pathOf(run), { force: true });
      await rm(`${pathOf(run)}.wal`, { force: true });
    },
    rowsThere: async () =>
      (await readdir(originals))
        .filter((name) => name.endsWith(ENDING))
        .map((name) => name.slice(0, -ENDING.length))
        .sort(),
    rowsBytes: async () => {
      let bytes = 0;
      for (const entry of await readdir(originals, { withFileTypes: true }))
        if (entry.isFile()) bytes += (await stat(join(originals, entry.name))).size;
      return bytes;
    },
    maxRowsBytes: bytesOf(options['max-size'] ?? '-1') ?? Number.POSITIVE_INFINITY,
    ...(options['sync-delay'] === undefined ? {} : { commitMs: Number(options['sync-delay']) }),
    close: async () => undefined,
  };
};
