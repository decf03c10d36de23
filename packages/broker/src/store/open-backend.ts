import { MusterError } from '@muster/protocol';
import { openMemoryBackend } from './memory-backend.js';
import type { OpenStore, StoreBackend, StoreOpening } from './store-backend.js';

/** Stores by name. DuckDB takes a third of a second to load, so it is loaded where rows go into it. */
const BUILT_IN: ReadonlyMap<string, OpenStore> = new Map<string, OpenStore>([
  ['duckdb', async (opening) => (await import('./duckdb/open-duckdb-backend.js')).openDuckdbBackend(opening)],
  ['memory', openMemoryBackend],
]);

/**
 * Opens a store by its name, or the URL of the module that exports it as `openStore`.
 *
 * @throws MusterError `BAD_CONFIG` for a module that has none, `STORE_FAILED` for what the store itself throws
 */
export const openBackend = async ({
  store,
  folder,
  options,
}: StoreOpening & { readonly store: string }): Promise<StoreBackend> => {
  const open = BUILT_IN.get(store) ?? (await openerOf(store));
  try {
    return await open({ folder, options });
  } catch (thrown) {
    throw MusterError.from(thrown, 'STORE_FAILED');
  }
};

const openerOf = async (store: string): Promise<OpenStore> => {
  let module: { readonly openStore?: unknown };
  try {
    module = (await import(store)) as { readonly openStore?: unknown };
  } catch (cause) {
    throw new MusterError('BAD_CONFIG', `the store ${store} can't be loaded: ${MusterError.from(cause).message}`, {
      cause,
    });
  }
  if (typeof module.openStore !== 'function')
    throw new MusterError('BAD_CONFIG', `${store} is no store: it must export a function openStore`);
  return module.openStore as OpenStore;
};
