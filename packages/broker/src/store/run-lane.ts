import { MusterError } from '@muster/protocol';
import { decodeBatch } from '../results/decode-batch.js';
import type { DecodedBatch, RunBook } from './run-book.js';
import type { Appended, AppendedBatch, StoredStream, StoreHealth } from './store.js';
import { isDiskFull, storeError } from './store-error.js';

/** A batch that waits, and whom to tell. */
interface Waiting {
  readonly batch: AppendedBatch;
  readonly stored: (appended: Appended) => void;
  readonly lost: (error: MusterError) => void;
}

export interface LaneTimes {
  /** Least time from one commit to the next, so that many batches share one. @default 100 */
  readonly commitMs: number;
  /** Between two tries while the disk fails. @default 1_000 */
  readonly retryMs: number;
  /** A book that is not used for so long is closed. @default 30_000 */
  readonly idleMs: number;
}

/**
 * One run's way into the store: batches gather while a commit is under way, each commit is one transaction, everything on
 * the book happens one after the other. A commit that failed is tried again on a freshly opened book, less what that
 * already holds, for a commit can be on disk and be reported as failed all the same.
 */
export class RunLane {
  readonly #open: () => Promise<RunBook>;
  readonly #health: StoreHealth;
  readonly #times: LaneTimes;
  #book: RunBook | null = null;
  #marks = new Map<string, StoredStream>();
  #queue: Waiting[] = [];
  #committing: Promise<void> | null = null;
  #idle: NodeJS.Timeout | undefined;
  #lastCommitMs = Number.NEGATIVE_INFINITY;
  #tail: Promise<unknown> = Promise.resolve();
  #closing = false;
  #failing = false;
  #wake: () => void = () => undefined;

  constructor(open: () => Promise<RunBook>, health: StoreHealth, times: LaneTimes) {
    this.#open = open;
    this.#health = health;
    this.#times = times;
  }

  append(batch: AppendedBatch): Promise<Appended> {
    return new Promise((stored, lost) => {
      this.#queue.push({ batch, stored, lost });
      this.#committing ??= this.#commitAll();
    });
  }

  /** Runs something on the book, after everything that came before. */
  use<T>(work: (book: RunBook) => Promise<T>): Promise<T> {
    const done = this.#tail.then(async () => {
      try {
        return await work(await this.#opened());
      } catch (thrown) {
        throw storeError(thrown);
      }
    });
    this.#tail = done.catch(() => undefined);
    return done;
  }

  /** Waits for what is under way, then closes the file; it opens again when it is needed. */
  async release(): Promise<void> {
    const done = this.#tail.then(() => this.#shut());
    this.#tail = done.catch(() => undefined);
    await done;
  }

  /** Stores what still waits, unless the store fails: that is refused, and never acknowledged. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wake();
    await this.#committing;
    await this.release();
  }

  async #opened(): Promise<RunBook> {
    if (this.#book === null) {
      const book = await this.#open();
      this.#marks = new Map((await book.streams()).map((stream) => [stream.stream, stream]));
      this.#book = book;
    }
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
    await book?.close();
  }

  async #commitAll(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#pause(this.#lastCommitMs + this.#times.commitMs - performance.now());
      const group = this.#queue;
      this.#queue = [];
      const work = this.#tail.then(() => this.#commitGroup(group));
      this.#tail = work;
      await work;
    }
    this.#committing = null;
  }

  async #pause(ms: number): Promise<void> {
    if (ms <= 0 || this.#closing) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #commitGroup(group: readonly Waiting[]): Promise<void> {
    const decoded = group.map((waiting) => ({
      waiting,
      batch: { header: waiting.batch.header, content: decodeBatch(waiting.batch.header.kind, waiting.batch.payload) },
    }));
    for (;;) {
      try {
        await this.#commit(decoded.map((each) => each.batch));
        break;
      } catch (thrown) {
        const error = storeError(thrown);
        await this.#giveUpBook();
        if (this.#closing) {
          for (const { waiting } of decoded) waiting.lost(error);
          return;
        }
        this.#fail(error, thrown);
        await this.#pause(this.#times.retryMs);
      }
    }
    this.#lastCommitMs = performance.now();
    if (this.#failing) {
      this.#failing = false;
      this.#health.recovered();
    }
    for (const { waiting, batch } of decoded) waiting.stored(appendedOf(batch));
  }

  async #commit(batches: readonly DecodedBatch[]): Promise<void> {
    const book = await this.#opened();
    const fresh = batches.filter(({ header }) => header.number > (this.#marks.get(header.stream)?.highWater ?? -1));
    if (fresh.length === 0) return;
    await book.commit(fresh);
    for (const { header } of fresh) {
      this.#marks.set(header.stream, {
        stream: header.stream,
        agent: header.agent,
        highWater: header.number,
        closed: header.last,
      });
    }
  }

  async #giveUpBook(): Promise<void> {
    try {
      await this.#shut();
    } catch (thrown) {
      this.#health.failed('STORE_FAILED', `closing after a failure: ${MusterError.from(thrown).message}`);
    }
  }

  #fail(error: MusterError, thrown: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#health.failed(isDiskFull(thrown) ? 'DISK_FULL' : 'STORE_FAILED', error.message);
  }
}

const appendedOf = ({ content }: DecodedBatch): Appended => ({
  hole: content.kind === 'hole' ? content.why : null,
  rows: content.kind === 'samples' ? content.rows : 0,
});
