import type { MusterError } from '@muster/protocol';
import type { StoreHealth } from '../store.js';
import { isDiskFull, storeError } from '../store-error.js';
import { joinPieces, type RowsPart } from './read-group.js';
import type { RowPiece, RowsBook } from './rows-book.js';

export interface RowsLaneTimes {
  /** Least time from one commit to the next, so that much shares one. */
  readonly commitMs: number;
  /** Between two tries while the disk fails. */
  readonly retryMs: number;
  /** A book that is not used for so long is closed. */
  readonly idleMs: number;
}

/** A commit does not wait for its time when so much has gathered. */
const COMMIT_BYTES = 8 * 1_024 * 1_024;
/** Pieces that follow each other are joined up to here. */
const PIECE_BYTES = 256 * 1_024;

/** What gathers until the next commit. */
interface Gathered {
  readonly pieces: RowPiece[];
  readonly counts: Map<string, number>;
  readonly urls: Map<string, number>;
  readonly errors: string[];
  bytes: number;
  readonly done: Promise<void>;
  readonly kept: () => void;
  readonly lost: (error: MusterError) => void;
}

/**
 * The way of one run of the original into the store: parts gather while a commit is under way, everything on the book
 * happens one after the other. A commit that failed is tried again on a freshly opened book, unless that holds it already.
 */
export class RowsLane {
  readonly #open: (toWrite: boolean) => Promise<RowsBook>;
  readonly #health: StoreHealth;
  readonly #times: RowsLaneTimes;
  #book: RowsBook | null = null;
  /** The number of the next commit; null while it is to be asked for. */
  #next: number | null = null;
  #gathered: Gathered | null = null;
  #committing: Promise<void> | null = null;
  /** When the commit that is under way is durable. */
  #underWay: Promise<void> | null = null;
  #tail: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;
  #wake: () => void = () => undefined;
  /** Commits that are wanted now. */
  #urgent = 0;
  #closing = false;
  #failing = false;

  /** @param open told whether the book is needed to write into it */
  constructor(open: (toWrite: boolean) => Promise<RowsBook>, health: StoreHealth, times: RowsLaneTimes) {
    this.#open = open;
    this.#health = health;
    this.#times = times;
  }

  /** Resolves when it is durable. */
  add({ piece, counts, urls }: RowsPart, errors: readonly string[] | null): Promise<void> {
    this.#gathered ??= gathering();
    const into = this.#gathered;
    if (errors === null) {
      into.pieces.push(piece);
      into.bytes += piece.bytes.byteLength;
    } else into.errors.push(...errors);
    for (const [kind, weight] of counts) into.counts.set(kind, (into.counts.get(kind) ?? 0) + weight);
    for (const [url, hits] of urls) into.urls.set(url, (into.urls.get(url) ?? 0) + hits);
    if (into.bytes >= COMMIT_BYTES) this.#wake();
    this.#committing ??= this.#commitAll();
    return into.done;
  }

  /** Runs something on the book, after everything that came before is in it. */
  async use<T>(work: (book: RowsBook) => Promise<T>): Promise<T> {
    await this.flush();
    return await this.#inTurn(async () => {
      try {
        return await work(await this.#opened(false));
      } catch (thrown) {
        throw storeError(thrown);
      }
    });
  }

  /** Resolves when everything that was added is durable. */
  async flush(): Promise<void> {
    const done = this.#gathered?.done ?? this.#underWay;
    if (done === null) return;
    this.#urgent += 1;
    this.#wake();
    // What could not be stored is told to whoever brought it.
    await done.catch(() => undefined);
    this.#urgent -= 1;
  }

  /** Nothing waits and nothing is under way. */
  get isQuiet(): boolean {
    return this.#committing === null;
  }

  /** Closes the file after what is under way; it opens again when it is needed. */
  async release(): Promise<void> {
    await this.#inTurn(() => this.#shut());
  }

  /** Stores what still waits, unless the store fails: that is lost. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wake();
    await this.#committing;
    await this.release();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work);
    this.#tail = done.catch(() => undefined);
    return done;
  }

  async #opened(toWrite: boolean): Promise<RowsBook> {
    this.#book ??= await this.#open(toWrite);
    clearTimeout(this.#idle);
    this.#idle = setTimeout(
      () => void this.release().catch((thrown) => this.#fail(storeError(thrown), thrown)),
      this.#times.idleMs,
    );
    this.#idle.unref();
    return this.#book;
  }

  async #shut(): Promise<void> {
    clearTimeout(this.#idle);
    const book = this.#book;
    this.#book = null;
    this.#next = null;
    await book?.close();
  }

  async #commitAll(): Promise<void> {
    for (let group = this.#gathered; group !== null; group = this.#gathered) {
      if (group.bytes < COMMIT_BYTES) await this.#pause(this.#lastMs + this.#times.commitMs - performance.now());
      this.#gathered = null;
      this.#underWay = group.done;
      await this.#inTurn(() => this.#commit(group));
      this.#underWay = null;
    }
    this.#committing = null;
  }

  async #pause(ms: number): Promise<void> {
    if (ms <= 0 || this.#closing || this.#urgent > 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }

  async #commit(group: Gathered): Promise<void> {
    const { counts, urls, errors } = group;
    const pieces = [...joinSmall(group.pieces)];
    // Of what the first try began: after it, a number that is there means that it is stored.
    let number: number | null = null;
    for (;;) {
      try {
        const book = await this.#opened(true);
        this.#next ??= (await book.written()) + 1;
        number ??= this.#next;
        if (this.#next === number) await book.commit({ number, pieces, counts, urls, errors });
        this.#next = number + 1;
        break;
      } catch (thrown) {
        const error = storeError(thrown);
        await this.#giveUpBook();
        if (this.#closing) {
          group.lost(error);
          return;
        }
        this.#fail(error, thrown);
        await this.#retryLater();
      }
    }
    this.#lastMs = performance.now();
    if (this.#failing) {
      this.#failing = false;
      this.#health.recovered();
    }
    group.kept();
  }

  /** Also when a commit is urgent: a disk that fails is not asked without end. */
  async #retryLater(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#times.retryMs);
      this.#wake = () => {
        if (!this.#closing) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #giveUpBook(): Promise<void> {
    try {
      await this.#shut();
    } catch (thrown) {
      this.#health.failed('STORE_FAILED', `closing after a failure: ${storeError(thrown).message}`);
    }
  }

  #fail(error: MusterError, thrown: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#health.failed(isDiskFull(thrown) ? 'DISK_FULL' : 'STORE_FAILED', error.message);
  }
}

const gathering = (): Gathered => {
  let kept: () => void = () => undefined;
  let lost: (error: MusterError) => void = () => undefined;
  const done = new Promise<void>((resolve, reject) => {
    kept = resolve;
    lost = reject;
  });
  return { pieces: [], counts: new Map(), urls: new Map(), errors: [], bytes: 0, done, kept, lost };
};

function* joinSmall(pieces: readonly RowPiece[]): Generator<RowPiece> {
  let waiting: RowPiece[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    if (waiting.length > 0 && bytes + piece.bytes.byteLength > PIECE_BYTES) {
      yield joinPieces(waiting);
      waiting = [];
      bytes = 0;
    }
    waiting.push(piece);
    bytes += piece.bytes.byteLength;
  }
  if (waiting.length > 0) yield joinPieces(waiting);
}
