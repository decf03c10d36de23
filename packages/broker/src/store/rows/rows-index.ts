import type { RowsCatalogue, RowsEntry } from './rows-book.js';

/** What is known of a run without looking into its metadata. */
interface Known extends Omit<RowsEntry, 'metadata'> {
  readonly active: boolean;
  readonly lastMs: number;
}

/** Runs that nobody began, known by rows or notes alone; further ones are not taken in. */
const MAX_STRAYS = 256;
/** One of those that has been silent for so long makes room for another, or may be deleted for the disk's sake. */
const STRAY_IDLE_MS = 60 * 60_000;
/** Deleted runs that are remembered: late rows do not make them again. */
const MAX_DELETED = 1_000;

/** Which runs of the original there are; changes of one run happen one after the other. */
export class RowsIndex {
  readonly #catalogue: RowsCatalogue;
  readonly #runs: Map<string, Known>;
  readonly #deleted = new Set<string>();
  #strays: number;
  #next: number;
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(catalogue: RowsCatalogue, all: Awaited<ReturnType<RowsCatalogue['all']>>) {
    this.#catalogue = catalogue;
    this.#runs = new Map(all.map((entry) => [entry.id, { ...entry, lastMs: 0 }]));
    this.#strays = all.filter(({ opened }) => !opened).length;
    this.#next = (all.at(-1)?.number ?? 0) + 1;
  }

  static async open(catalogue: RowsCatalogue): Promise<RowsIndex> {
    return new RowsIndex(catalogue, await catalogue.all());
  }

  get(run: string): Known | undefined {
    return this.#runs.get(run);
  }
  all(): readonly Known[] {
    return [...this.#runs.values()];
  }
  ids(): readonly string[] {
    return [...this.#runs.keys()];
  }
  /** Those that are over, oldest first. */
  finished(nowMs: number): readonly string[] {
    return this.all()
      .filter(({ opened, active, lastMs }) => !active && (opened || lastMs + STRAY_IDLE_MS < nowMs))
      .map(({ id }) => id);
  }

  /** Something came about a run: makes it known when it is not. The answer says why it is not taken. */
  admit(run: string, nowMs: number): string | null {
    const known = this.#runs.get(run);
    if (known !== undefined) {
      this.#runs.set(run, { ...known, lastMs: nowMs });
      return null;
    }
    if (this.#deleted.has(run)) return 'a row of a run that was deleted';
    if (this.#strays >= MAX_STRAYS && !this.#giveWay(nowMs))
      return `a row of a run that nobody began, and ${MAX_STRAYS} such runs are kept: delete some`;
    this.#add(run, false, nowMs);
    return null;
  }

  /** The metadata, with `has_data` as the original notes it. */
  async metadata(run: string): Promise<RowsEntry['metadata']> {
    await this.#tail;
    const known = this.#runs.get(run);
    if (known === undefined) return {};
    const metadata = (await this.#catalogue.get(run))?.metadata ?? {};
    return known.hasRows ? { ...metadata, has_data: 1 } : metadata;
  }

  /** Changes a run, and makes it when there is none. Resolves when that is durable. */
  change(run: string, how: (entry: RowsEntry) => Partial<RowsEntry>): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#deleted.has(run)) return;
      const known = this.#runs.get(run) ?? this.#add(run, false, Date.now());
      const metadata = (await this.#catalogue.get(run))?.metadata ?? {};
      const { active: _, lastMs, ...entry } = { ...known, metadata };
      const changed: RowsEntry = { ...entry, ...how({ ...entry, metadata }) };
      await this.#catalogue.put(changed);
      if (changed.opened && !known.opened) this.#strays -= 1;
      const { metadata: after, ...rest } = changed;
      if (this.#runs.has(run)) this.#runs.set(run, { ...rest, active: after.active === true, lastMs });
    });
  }

  /** A run has rows, or is about to. */
  async noteRows(run: string): Promise<void> {
    if (this.#runs.get(run)?.hasRows === false) await this.change(run, () => ({ hasRows: true }));
  }

  /** There are rows of a run, whatever the catalogue knows of it. */
  async takeIn(run: string): Promise<void> {
    if (this.#runs.get(run)?.hasRows !== true) await this.change(run, () => ({ hasRows: true }));
  }

  /** From now on nothing of this run is taken in. */
  forget(run: string): void {
    if (this.#runs.get(run)?.opened === false) this.#strays -= 1;
    this.#runs.delete(run);
    this.#deleted.add(run);
    for (const oldest of this.#deleted) {
      if (this.#deleted.size <= MAX_DELETED) break;
      this.#deleted.delete(oldest);
    }
  }

  delete(run: string): Promise<void> {
    return this.#inTurn(() => this.#catalogue.delete(run));
  }

  async settled(): Promise<void> {
    await this.#tail;
  }

  #add(id: string, opened: boolean, lastMs: number): Known {
    const made = { id, number: this.#next, opened, hasRows: false, summarised: false, active: false, lastMs };
    this.#next += 1;
    if (!opened) this.#strays += 1;
    this.#runs.set(id, made);
    return made;
  }

  /** @returns whether a stray run is idle for so long that it need not be counted any more */
  #giveWay(nowMs: number): boolean {
    for (const { id, opened, lastMs } of this.#runs.values())
      if (!opened && lastMs + STRAY_IDLE_MS < nowMs) {
        // It stays what it is, and is not counted among those that nobody began.
        void this.change(id, () => ({ opened: true })).catch(() => undefined);
        return true;
      }
    return false;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work);
    this.#tail = done.catch(() => undefined);
    return done;
  }
}
