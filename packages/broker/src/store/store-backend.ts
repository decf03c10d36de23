import type { Catalogue } from './catalogue.js';
import type { RowsBook, RowsCatalogue } from './rows/rows-book.js';
import type { RunBook } from './run-book.js';

/**
 * Where a broker's results go: catalogues of all runs, and a book per run. It has nothing to do with when something is
 * stored, or tried again: it does what it is told, one call at a time per book, all of it or nothing.
 */
export interface StoreBackend {
  readonly catalogue: Catalogue;
  /** Opens the book of a native run, or makes it. It was closed before, or its process ended. */
  openBook(run: string): Promise<RunBook>;
  readonly rowsCatalogue: RowsCatalogue;
  /** The same for a run of the original. */
  openRows(run: string): Promise<RowsBook>;
  /**
   * Runs of the original of which there is a book, for a store whose catalogue can lose its end while a book keeps what
   * was in it, as files do at a cut of power: what the catalogue does not know is taken in again at the start.
   */
  rowsThere?(): Promise<readonly string[]>;
  /** Deletes everything of a run of the original; its book is closed. */
  removeRows(run: string): Promise<void>;
  /** What all runs of the original use, in bytes. */
  rowsBytes(): Promise<number>;
  /** Before a new run the oldest go until less than this is used. @default no bound: infinity */
  readonly maxRowsBytes: number;
  /** Least time from one commit of rows to the next, in milliseconds. @default 100 */
  readonly commitMs?: number;
  /** Called once, after every book and the catalogue were closed. */
  close(): Promise<void>;
}

/** What a store is opened with. */
export interface StoreOpening {
  /** The broker's data folder; it exists, and no other broker uses it. */
  readonly folder: string;
  /** `--db-NAME-OPTION VALUE`, by option. */
  readonly options: Readonly<Record<string, string>>;
}

/** What the module of a store exports as `openStore`. Faults of its options it throws. */
export type OpenStore = (opening: StoreOpening) => Promise<StoreBackend>;
