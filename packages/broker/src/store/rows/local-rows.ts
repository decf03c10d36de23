import { MusterError } from '@muster/protocol';
import type { OriginalMetadata, OriginalPage, OriginalQuery } from '../../original/original-results.js';
import type { StoreHealth } from '../store.js';
import type { StoreBackend } from '../store-backend.js';
import { storeError } from '../store-error.js';
import { isError, rowsIn, rowsOfRun } from './piece-rows.js';
import { type RowsPart, readGroup } from './read-group.js';
import type { HeardRows, RowGroup, RowStore, TakenRows } from './row-store.js';
import { RowsIndex } from './rows-index.js';
import { RowsLane, type RowsLaneTimes } from './rows-lane.js';

export interface LocalRowsOptions {
  readonly backend: StoreBackend;
  readonly health: StoreHealth;
  /** Rows stay when a run is over, unless it says otherwise. */
  readonly keepRows: boolean;
  readonly times?: Partial<RowsLaneTimes>;
}

const TIMES: RowsLaneTimes = { commitMs: 100, retryMs: 1_000, idleMs: 30_000 };
/** Groups, errors and texts that are read in one step. */
const STEP = 1_000;
/** Names and URLs are given in one answer, which is so large at most. */
const ANSWER_BYTES = 16 * 1_024 * 1_024;

const NOTHING: ReadonlyMap<string, number> = new Map();

/** Rows of the original whose books and catalogue are in this thread. */
export class LocalRows implements RowStore {
  readonly #options: LocalRowsOptions;
  readonly #times: RowsLaneTimes;
  readonly #index: RowsIndex;
  readonly #lanes = new Map<string, RowsLane>();
  #closed = false;

  private constructor(options: LocalRowsOptions, index: RowsIndex) {
    this.#options = options;
    const { commitMs = TIMES.commitMs } = options.backend;
    this.#times = { ...TIMES, commitMs, ...options.times };
    this.#index = index;
  }

  static async open(options: LocalRowsOptions): Promise<LocalRows> {
    const index = await RowsIndex.open(options.backend.rowsCatalogue);
    // A cut of power can take the end of the catalogue's log, and leave rows that were noted in it.
    for (const run of (await options.backend.rowsThere?.()) ?? []) await index.takeIn(run);
    const rows = new LocalRows(options, index);
    await rows.#resume();
    return rows;
  }

  take(group: RowGroup): TakenRows {
    if (this.#closed) {
      const closed = Promise.reject(new MusterError('CLOSED', 'the store is closed'));
      return { heard: closed, kept: closed };
    }
    const { parts, heard } = readGroup(group);
    const dropped = [...heard.dropped];
    const kept: Promise<void>[] = [];
    for (const [run, part] of parts) {
      const refused = this.#index.admit(run, Date.now());
      if (refused === null) kept.push(this.#add(run, part));
      else dropped.push(refused);
    }
    return {
      heard: Promise.resolve({ ...heard, dropped } satisfies HeardRows),
      kept: allOf(kept).then(() => group.bytes.buffer),
    };
  }

  async open(run: string, metadata: OriginalMetadata): Promise<void> {
    await this.#makeRoom();
    await this.#index.change(run, () => ({ opened: true, metadata }));
  }

  async counts(run: string): Promise<Readonly<Record<string, number>>> {
    return named(await this.#read(run, async (lane) => await lane.use((book) => book.counts()), NOTHING));
  }
  async urls(run: string): Promise<Readonly<Record<string, number>>> {
    return named(await this.#read(run, async (lane) => await lane.use((book) => book.urls()), NOTHING));
  }

  async *data(run: string, { dataType, groupby, start, size }: OriginalQuery): AsyncGenerator<readonly string[]> {
    const lane = this.#readable(run);
    if (lane === null) return;
    const wanted = (kind: string) => dataType === null || kind === dataType;
    const on = onLane(lane);
    if (!groupby) {
      for await (const rows of rowsOfRun(on, wanted, start, size)) yield rows.map((row) => JSON.stringify(row));
      return;
    }
    const grouping = await lane.use((book) => book.grouping());
    try {
      for await (const rows of rowsOfRun(on, wanted, 0, null)) await lane.use(() => grouping.add(rows.map(sameText)));
      const end = size === null ? Number.POSITIVE_INFINITY : start + size;
      for (let at = start; at < end; at += STEP) {
        const page = await lane.use(() => grouping.page(at, Math.min(STEP, end - at)));
        if (page.length > 0) yield page.map(({ text, count }) => withCount(text, count));
        if (page.length < STEP) return;
      }
    } finally {
      await lane.use(() => grouping.close());
    }
  }

  async *errors(run: string, { start, size }: OriginalPage): AsyncGenerator<readonly string[]> {
    const lane = this.#readable(run);
    if (lane === null) return;
    const alone = await lane.use((book) => book.errorCount());
    const end = size === null ? Number.POSITIVE_INFINITY : start + size;
    for (let at = start; at < Math.min(alone, end); at += STEP)
      yield await lane.use((book) => book.errors(at, Math.min(STEP, end - at)));
    const left = size === null ? null : Math.max(0, end - Math.max(alone, start));
    for await (const rows of rowsOfRun(onLane(lane), isError, Math.max(0, start - alone), left))
      yield rows.map((row) => JSON.stringify(row));
  }

  async metadata(run: string): Promise<OriginalMetadata> {
    return await this.#index.metadata(run);
  }
  async updateMetadata(run: string, changes: OriginalMetadata): Promise<void> {
    const refused = this.#index.admit(run, Date.now());
    if (refused !== null) throw new MusterError('TOO_MANY_RUNS', refused);
    await this.#index.change(run, ({ metadata }) => ({ metadata: { ...metadata, ...changes } }));
  }
  async runs(): Promise<readonly string[]> {
    return this.#index.ids();
  }

  async delete(run: string): Promise<void> {
    if (this.#index.get(run) === undefined) return;
    this.#index.forget(run);
    const lane = this.#lanes.get(run);
    this.#lanes.delete(run);
    await lane?.close();
    await this.#asStore(() => this.#options.backend.removeRows(run));
    await this.#index.delete(run);
  }

  async summarise(run: string): Promise<void> {
    const lane = this.#readable(run);
    // From here on late rows bring only counts and errors.
    if (this.#index.get(run) !== undefined) await this.#index.change(run, () => ({ summarised: true }));
    await lane?.use((book) => book.summarise(errorTexts(book)));
  }

  async ended(run: string): Promise<void> {
    const { keep_rows: keep } = await this.metadata(run);
    if (!(typeof keep === 'boolean' ? keep : this.#options.keepRows)) await this.summarise(run);
    const lane = this.#lanes.get(run);
    await lane?.flush();
    await lane?.release();
  }

  async flush(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.flush()));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#lanes.values()].map((lane) => lane.close()));
    await this.#index.settled();
  }

  /** A broker that was killed may have ended runs whose rows are still to go. */
  async #resume(): Promise<void> {
    if (this.#options.keepRows) return;
    for (const { id, active, opened, hasRows, summarised } of this.#index.all())
      if (opened && !active && hasRows && !summarised) await this.ended(id);
  }

  #add(run: string, part: RowsPart): Promise<void> {
    const late = this.#index.get(run)?.summarised === true;
    return this.#lane(run).add(part, late ? rowsIn(part.piece.bytes, isError).map((row) => JSON.stringify(row)) : null);
  }

  #lane(run: string): RowsLane {
    let lane = this.#lanes.get(run);
    if (lane === undefined) {
      lane = new RowsLane(
        async (toWrite) => {
          // The catalogue knows of rows before they are there: nothing is ever kept that nobody finds.
          if (toWrite) await this.#index.noteRows(run);
          return await this.#options.backend.openRows(run);
        },
        this.#options.health,
        this.#times,
      );
      this.#lanes.set(run, lane);
      this.#forgetLanes();
    }
    return lane;
  }

  /** Lanes of runs with nothing to do cost little, but runs come without end. */
  #forgetLanes(): void {
    for (const [run, lane] of this.#lanes) {
      if (this.#lanes.size <= STEP) return;
      if (!lane.isQuiet) continue;
      this.#lanes.delete(run);
      void lane.release().catch((thrown) => this.#options.health.failed('STORE_FAILED', storeError(thrown).message));
    }
  }

  /** Null: there is nothing of this run, and no file is made for asking. */
  #readable(run: string): RowsLane | null {
    if (this.#closed) throw new MusterError('CLOSED', 'the store is closed');
    return this.#lanes.has(run) || this.#index.get(run)?.hasRows === true ? this.#lane(run) : null;
  }

  async #read<T>(run: string, work: (lane: RowsLane) => Promise<T>, otherwise: T): Promise<T> {
    const lane = this.#readable(run);
    return lane === null ? otherwise : await work(lane);
  }

  /** Deletes the oldest runs that are over while there is no room for another. */
  async #makeRoom(): Promise<void> {
    const { backend } = this.#options;
    if (!Number.isFinite(backend.maxRowsBytes)) return;
    for (const run of this.#index.finished(Date.now())) {
      if ((await this.#asStore(() => backend.rowsBytes())) < backend.maxRowsBytes) return;
      await this.delete(run);
    }
  }

  async #asStore<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw storeError(thrown);
    }
  }
}

const onLane =
  (lane: RowsLane): (<T>(work: Parameters<typeof lane.use<T>>[0]) => Promise<T>) =>
  (work) =>
    lane.use(work);

const allOf = async (kept: readonly Promise<void>[]): Promise<void> => {
  await Promise.all(kept);
};

async function* errorTexts(book: Parameters<Parameters<RowsLane['use']>[0]>[0]): AsyncGenerator<readonly string[]> {
  for await (const rows of rowsOfRun((work) => work(book), isError, 0, null))
    yield rows.map((row) => JSON.stringify(row));
}

/** Rows are equal when all fields but `count` are, in whatever order. */
const sameText = ({ count: _, ...row }: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))));

const withCount = (text: string, count: number): string => `${text.slice(0, -1)},"count":${count}}`;

/** @throws MusterError `MESSAGE_TOO_LARGE` for more names than an answer holds */
const named = (values: ReadonlyMap<string, number>): Readonly<Record<string, number>> => {
  let bytes = 0;
  for (const name of values.keys()) bytes += name.length;
  if (bytes > ANSWER_BYTES)
    throw new MusterError('MESSAGE_TOO_LARGE', `${values.size} names are more than one answer holds`, {
      hint: 'read the rows page by page',
    });
  return Object.fromEntries(values);
};
