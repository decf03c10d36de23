import type { Frame } from '@muster/protocol';

/** All arguments of a run, and what the broker noted: `started`, `active`, `stopped`, `ended`, `has_data`. */
export type OriginalMetadata = Readonly<Record<string, unknown>>;

/** Which rows, of which kind, counted or listed. */
export interface OriginalQuery {
  /** Null: of every kind. */
  readonly dataType: string | null;
  /** Equal rows are given once, with a `count`. */
  readonly groupby: boolean;
  /** Counted after the filter, oldest first. */
  readonly start: number;
  /** Null: to the end. */
  readonly size: number | null;
}

/** A page of rows or errors. */
export type OriginalPage = Pick<OriginalQuery, 'start' | 'size'>;

/**
 * The results of runs of the original. Ids of runs were checked before they come here (`OriginalRunId`); one that nobody
 * knows has nothing, as in the original: empty objects, no rows. A promise that is rejected is answered as an error.
 */
export interface OriginalResults {
  /**
   * Makes room and keeps the metadata of a new run, replacing any. The run begins when it is done.
   *
   * @throws MusterError `STORE_FAILED` or `DISK_FULL`: then the run does not begin, no agent hears of it, and its client
   * gets the text.
   */
  open(run: string, metadata: OriginalMetadata): Promise<void>;
  /** One message of the receiver, a row or a batch; a promise holds the next message back. Never throws. */
  take(body: Frame): void | Promise<void>;
  counts(run: string): Promise<Readonly<Record<string, number>>>;
  urls(run: string): Promise<Readonly<Record<string, number>>>;
  /** Rows as JSON texts, in pieces, so that a large run is nowhere in memory as a whole. */
  data(run: string, query: OriginalQuery): AsyncIterable<readonly string[]>;
  /** Rows of `addError` and `addFailure`, the same way. */
  errors(run: string, page: OriginalPage): AsyncIterable<readonly string[]>;
  metadata(run: string): Promise<OriginalMetadata>;
  /** Merges; makes the run when there is none. */
  updateMetadata(run: string, changes: OriginalMetadata): Promise<void>;
  /** Every run that is kept, oldest first. */
  runs(): Promise<readonly string[]>;
  delete(run: string): Promise<void>;
  /** Drops the rows; counts, URLs, errors and metadata stay. */
  summarise(run: string): Promise<void>;
  /**
   * The run is over, and its metadata says so already: rows go if the run or the broker wants so.
   * After a crash it may come a second time.
   */
  ended(run: string): Promise<void>;
  /** Resolves when everything taken in so far is kept. */
  flush(): Promise<void>;
  ping(): Promise<boolean>;
}

/** What is read of one run. */
export type OriginalReader = Pick<OriginalResults, 'counts' | 'urls' | 'data' | 'errors' | 'metadata'>;

/** What the results know of the agents, and tell of them. Cheap enough for every message. */
export interface OriginalPresence {
  /** The run that an agent works for: rows without a run of their own belong to it. Rows that have one keep it. */
  runOf(agent: string): string | null;
  /** A message of this agent about this run came. */
  sent(run: string, agent: string, hostname: string | null): void;
}
