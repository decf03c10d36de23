/** Rows of the original, as they are kept: messages as they came, one behind the other, with what is in them. */
export interface RowPiece {
  /** How many rows of each kind. */
  readonly kinds: ReadonlyMap<string, number>;
  /**
   * A JSON array of messages of the receiver, in UTF-8. All are of the same run. What is given to a commit is used for
   * something else when that is over: copy what is to stay.
   */
  readonly bytes: Uint8Array;
}

/** What one transaction adds to a run. */
export interface RowsCommit {
  /** One more than that of the commit before. */
  readonly number: number;
  readonly pieces: readonly RowPiece[];
  /** To be added to what is counted by kind. Never empty. */
  readonly counts: ReadonlyMap<string, number>;
  readonly urls: ReadonlyMap<string, number>;
  /** Rows as JSON texts that stay when pieces go. */
  readonly errors: readonly string[];
}

/** A piece, without its bytes. */
export interface PieceInfo {
  readonly number: number;
  readonly kinds: ReadonlyMap<string, number>;
}

/** A row that came more than once. */
export interface GroupedRow {
  readonly text: string;
  readonly count: number;
}

/** Counts equal texts, however many there are. */
export interface RowGrouping {
  add(texts: readonly string[]): Promise<void>;
  /** Those that came first are first. */
  page(start: number, size: number): Promise<readonly GroupedRow[]>;
  close(): Promise<void>;
}

/**
 * What is kept of one run of the original. Calls come one at a time. Whatever it throws means that nothing was stored,
 * except a commit, which can have been stored all the same: the book is then opened again and asked what is `written`.
 */
export interface RowsBook {
  /** The number of the last commit; 0 before the first. */
  written(): Promise<number>;
  /** All of it or nothing. Resolves when it is durable. */
  commit(commit: RowsCommit): Promise<void>;
  counts(): Promise<ReadonlyMap<string, number>>;
  urls(): Promise<ReadonlyMap<string, number>>;
  /** The next pieces after one of them, oldest first; as many as one answer should hold. Empty: there are no more. */
  index(after: number): Promise<readonly PieceInfo[]>;
  /** Null: it is gone. */
  piece(number: number): Promise<Uint8Array | null>;
  /** Errors that were kept without their pieces. */
  errorCount(): Promise<number>;
  errors(start: number, size: number): Promise<readonly string[]>;
  /** Drops all pieces and keeps these errors: both or neither. They may be read from this book meanwhile. */
  summarise(errors: AsyncIterable<readonly string[]>): Promise<void>;
  grouping(): Promise<RowGrouping>;
  close(): Promise<void>;
}

/** A run of the original in the catalogue. */
export interface RowsEntry {
  readonly id: string;
  /** Counts up: the oldest first. */
  readonly number: number;
  /** Begun by a client; otherwise known by its rows or a note alone. */
  readonly opened: boolean;
  readonly hasRows: boolean;
  readonly summarised: boolean;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** All runs of the original. Calls may overlap. */
export interface RowsCatalogue {
  /** Every run, without its metadata, oldest first. */
  all(): Promise<readonly (Omit<RowsEntry, 'metadata'> & { readonly active: boolean })[]>;
  put(entry: RowsEntry): Promise<void>;
  get(id: string): Promise<RowsEntry | null>;
  delete(id: string): Promise<void>;
}
