import { bytesOf } from '../options/store-choice.js';
import { MemoryBook, MemoryCatalogue } from './memory-store.js';
import { MemoryRows, MemoryRowsCatalogue } from './rows/memory-rows.js';
import type { OpenStore } from './store-backend.js';

/** Rows of all runs of the original together, when nothing else is asked for. */
const MAX_SIZE = '512MB';

/** A store that forgets everything with the process. Option: `max-size` of rows of the original; more are only counted. */
export const openMemoryBackend: OpenStore = async ({ options }) => {
  const maxBytes = bytesOf(options['max-size'] ?? MAX_SIZE) ?? Number.POSITIVE_INFINITY;
  const books = new Map<string, MemoryBook>();
  const rows = new Map<string, MemoryRows>();
  const bytes = () => [...rows.values()].reduce((sum, book) => sum + book.bytes, 0);
  return {
    catalogue: new MemoryCatalogue(),
    openBook: async (run) => made(books, run, () => new MemoryBook()),
    rowsCatalogue: new MemoryRowsCatalogue(),
    openRows: async (run) => made(rows, run, () => new MemoryRows(() => maxBytes - bytes())),
    removeRows: async (run) => {
      rows.delete(run);
    },
    rowsBytes: async () => bytes(),
    // A run that begins finds half of it free, if the others are over.
    maxRowsBytes: maxBytes / 2,
    close: async () => undefined,
  };
};

const made = <T>(all: Map<string, T>, run: string, make: () => T): T => {
  const one = all.get(run) ?? make();
  all.set(run, one);
  return one;
};
