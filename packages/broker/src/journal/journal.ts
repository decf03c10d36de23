import { type FileHandle, open, readFile } from 'node:fs/promises';
import { deserialize, serialize } from 'node:v8';
import { writeWhole } from '@muster/daemon';
import type { MusterError } from '@muster/protocol';
import type { StoreHealth } from '../store/store.js';
import { isDiskFull, storeError } from '../store/store-error.js';
import { frameRecord, readRecords } from './record.js';

/** What a journal holds: plain data by key. */
export type JournalEntries = ReadonlyMap<string, unknown>;

/** One change: a key gets a value, or is taken away when the value is undefined. */
export interface JournalChange {
  readonly key: string;
  readonly value: unknown;
}

interface Waiting {
  readonly record: Buffer;
  readonly saved: () => void;
  readonly lost: (error: Error) => void;
}

/** The file is rewritten once it is this much larger than what it holds. */
const SLACK_BYTES = 8 * 1_024 * 1_024;
/** Between two tries while the disk fails. */
const RETRY_MS = 1_000;
const SILENT: StoreHealth = { failed: () => undefined, recovered: () => undefined };

/**
 * The controller's memory on disk: a file of changes, each with its check sum, appended and made durable in groups. The
 * values are in V8's own form, so that any depth and bytes come back as they were. At the start the file is read and rewritten with the latest value of each key; a tail that a crash cut off is dropped,
 * for nobody was told that it is there.
 */
export class Journal {
  readonly #path: string;
  readonly #live: Map<string, Buffer>;
  readonly #health: StoreHealth;
  #file: FileHandle;
  #bytes: number;
  #queue: Waiting[] = [];
  #writing: Promise<void> | null = null;
  #trouble: MusterError | null = null;
  #closing = false;
  #wake: () => void = () => undefined;

  private constructor(path: string, file: FileHandle, live: Map<string, Buffer>, bytes: number, health: StoreHealth) {
    this.#path = path;
    this.#file = file;
    this.#live = live;
    this.#bytes = bytes;
    this.#health = health;
  }

  /** Opens or makes a journal. @throws MusterError `STORE_FAILED` or `DISK_FULL`. */
  static async open(
    path: string,
    health: StoreHealth = SILENT,
  ): Promise<{ readonly journal: Journal; readonly entries: JournalEntries; readonly droppedBytes: number }> {
    try {
      const bytes = await readIfThere(path);
      const { bodies, end } = readRecords(bytes);
      const live = new Map<string, Buffer>();
      const entries = new Map<string, unknown>();
      for (const body of bodies) {
        const { key, value } = deserialize(body) as { readonly key: string; readonly value?: unknown };
        live.delete(key);
        entries.delete(key);
        if (value === undefined) continue;
        live.set(key, frameRecord(body));
        entries.set(key, value);
      }
      const compact = Buffer.concat([...live.values()]);
      await writeWhole(path, compact);
      const journal = new Journal(path, await open(path, 'a'), live, compact.byteLength, health);
      return { journal, entries, droppedBytes: bytes.byteLength - end };
    } catch (thrown) {
      throw storeError(thrown);
    }
  }

  /**
   * Resolves when the change is durable; changes become durable in the order of their calls. While the disk fails it is
   * tried again and again, so whatever waits for the change waits too.
   *
   * @throws MusterError `STORE_FAILED` or `DISK_FULL` when the journal is closed meanwhile.
   */
  save({ key, value }: JournalChange): Promise<void> {
    const record = frameRecord(serialize(value === undefined ? { key } : { key, value }));
    if (value === undefined) this.#live.delete(key);
    else this.#live.set(key, record);
    return new Promise((saved, lost) => {
      this.#queue.push({ record, saved, lost });
      this.#writing ??= this.#write();
    });
  }

  /** Why nothing becomes durable, while that lasts for more than one try: whatever waits for a change waits for that. */
  get trouble(): MusterError | null {
    return this.#trouble;
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#wake();
    await this.#writing;
    await this.#file.close();
  }

  async #write(): Promise<void> {
    // Let everything of this turn of the loop into the first group.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#queue;
      this.#queue = [];
      const error = await this.#writeInTheEnd(group);
      for (const { saved, lost } of group) {
        if (error === null) saved();
        else lost(error);
      }
    }
    this.#writing = null;
  }

  /** @returns why it is not durable, when the journal was closed before it was. */
  async #writeInTheEnd(group: readonly Waiting[]): Promise<MusterError | null> {
    let failed: MusterError | null = null;
    for (;;) {
      try {
        // After a failure the file may end in half a record: it is written anew.
        if (failed === null) await this.#writeGroup(Buffer.concat(group.map(({ record }) => record)));
        else await this.#rewrite();
        if (failed !== null) this.#health.recovered();
        this.#trouble = null;
        return null;
      } catch (thrown) {
        const error = storeError(thrown);
        if (this.#closing) return error;
        if (failed === null) this.#health.failed(isDiskFull(thrown) ? 'DISK_FULL' : 'STORE_FAILED', error.message);
        else this.#trouble = error;
        failed = error;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, RETRY_MS);
          this.#wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    }
  }

  async #writeGroup(bytes: Buffer): Promise<void> {
    const liveBytes = [...this.#live.values()].reduce((sum, record) => sum + record.byteLength, 0);
    if (this.#bytes + bytes.byteLength > 2 * liveBytes + SLACK_BYTES) return await this.#rewrite();
    await this.#file.appendFile(bytes);
    await this.#file.datasync();
    this.#bytes += bytes.byteLength;
  }

  /** Replaces the file by one with the live values, those that wait to be written among them. */
  async #rewrite(): Promise<void> {
    const compact = Buffer.concat([...this.#live.values()]);
    await writeWhole(this.#path, compact);
    await this.#file.close();
    this.#file = await open(this.#path, 'a');
    this.#bytes = compact.byteLength;
  }
}

const readIfThere = async (path: string): Promise<Buffer> => {
  try {
    return await readFile(path);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw thrown;
  }
};
