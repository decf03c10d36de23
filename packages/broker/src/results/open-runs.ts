import { MusterError } from '@muster/protocol';
import type { RunRecord } from '../controller/run-record.js';
import type { Store } from '../store/store.js';
import { RunIntake } from './run-intake.js';

/** A run whose results are taken in. */
export interface OpenRun {
  intake: RunIntake;
  /** What was stored before is merged, or could not be read. */
  loaded: Promise<void>;
  /** What is stored of the run could not be read: until it is, nothing can be told apart from what was stored. */
  broken: boolean;
  /** The last whole second of which progress was made. */
  second: number;
  /** Progress, a summary or a loading is not tried again before. */
  notBeforeMs: number;
  /** When something came for it last. */
  usedMs: number;
  /** Batches that are on their way to the disk, and summaries. */
  pending: number;
}

export interface OpenRunsPort {
  readonly store: Store;
  readonly maxSeries: number;
  failed(what: string, error: MusterError): void;
  now(): number;
}

/** Between two tries to read what is stored. */
const AGAIN_MS = 1_000;
/** Runs that were asked for and are not known: remembered, so that the store is not asked for each batch. */
const MAX_UNKNOWN = 1_000;

/** The runs whose results are taken in: those that go on, and for a while those that are over. */
export class OpenRuns {
  readonly #port: OpenRunsPort;
  readonly #runs = new Map<string, OpenRun>();
  readonly #loading = new Map<string, Promise<OpenRun | null>>();
  readonly #unknown = new Set<string>();

  constructor(port: OpenRunsPort) {
    this.#port = port;
  }

  [Symbol.iterator](): Iterator<[string, OpenRun]> {
    return this.#runs.entries();
  }

  /** A run's results are to be taken in, or its record changed. What is stored of it already is merged first. */
  open(record: RunRecord): OpenRun {
    const known = this.#runs.get(record.id);
    if (known === undefined) return this.#add(record);
    known.intake.record = record;
    return known;
  }

  /** The run of a batch: one that is open, or one that is over; null for one that this broker never had. */
  async find(run: string): Promise<OpenRun | null> {
    const open = this.#runs.get(run);
    if (open !== undefined) return open;
    if (this.#unknown.has(run)) return null;
    let loading = this.#loading.get(run);
    if (loading === undefined) {
      loading = this.#late(run).finally(() => this.#loading.delete(run));
      this.#loading.set(run, loading);
    }
    return await loading;
  }

  forget(run: string): void {
    this.#runs.delete(run);
  }

  /** Tries again to read what is stored. */
  retry(open: OpenRun): void {
    const nowMs = this.#port.now();
    if (nowMs < open.notBeforeMs) return;
    open.notBeforeMs = nowMs + AGAIN_MS;
    open.intake = new RunIntake(open.intake.record, this.#port.maxSeries);
    open.loaded = this.#load(open);
  }

  #add(record: RunRecord): OpenRun {
    const open: OpenRun = {
      intake: new RunIntake(record, this.#port.maxSeries),
      loaded: Promise.resolve(),
      broken: false,
      second: 0,
      notBeforeMs: 0,
      usedMs: this.#port.now(),
      pending: 0,
    };
    this.#runs.set(record.id, open);
    this.#unknown.delete(record.id);
    open.loaded = this.#load(open);
    return open;
  }

  async #load(open: OpenRun): Promise<void> {
    try {
      await this.#replay(open.intake);
      open.broken = false;
    } catch (thrown) {
      open.broken = true;
      const { id } = open.intake.record;
      this.#port.failed(`what is stored of run ${id} can't be read`, MusterError.from(thrown, 'STORE_FAILED'));
    }
  }

  async #replay(intake: RunIntake): Promise<void> {
    const { store } = this.#port;
    const { id } = intake.record;
    const streams = await store.streams(id);
    intake.restore(streams);
    if (streams.length === 0) return;
    for await (const page of store.replay(id)) intake.replay(page);
    intake.results.stored((await store.query(id, 'samples', 0, 1)).total);
  }

  async #late(run: string): Promise<OpenRun | null> {
    const found = await this.#port.store.run(run).catch((thrown) => {
      this.#port.failed(`run ${run} can't be looked up`, MusterError.from(thrown));
      return null;
    });
    const opened = this.#runs.get(run);
    if (opened !== undefined) return opened;
    if (found === null || found.detail === null) {
      if (this.#unknown.size >= MAX_UNKNOWN) this.#unknown.clear();
      this.#unknown.add(run);
      return null;
    }
    const open = this.#add(found.detail as RunRecord);
    await open.loaded;
    open.intake.summarizedBatches = open.intake.results.batches;
    return open;
  }
}
