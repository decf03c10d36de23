import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalStore } from '../local-store.js';
import type { Store, StoreHealth } from '../store.js';
import { CatalogueFile } from './catalogue-file.js';
import { RunFile } from './run-file.js';

/** Opens the embedded store in this thread: `catalogue.duckdb`, and `runs/<id>.duckdb` per run. */
export const openDuckdbStore = async (folder: string, health: StoreHealth): Promise<Store> => {
  await mkdir(join(folder, 'runs'), { recursive: true });
  return new LocalStore({
    catalogue: await CatalogueFile.open(join(folder, 'catalogue.duckdb')),
    openBook: (run) => RunFile.open(join(folder, 'runs', `${run}.duckdb`)),
    health,
    queueBytes: Number.POSITIVE_INFINITY,
  });
};
