import { BatchHeader, decodeNative, type Frame, MusterError, readReceiver, runOfStream } from '@muster/protocol';
import type { ControllerEvent } from '../controller/events.js';
import type { RunRecord } from '../controller/run-record.js';
import type { Appended, Store } from '../store/store.js';
import { HeldBatches } from './held-batches.js';
import { RunIntake } from './run-intake.js';

/** What the results path needs of the broker around it. */
export interface ResultsPort {
  /** Everything of a stream up to this number is on disk. */
  ack(agent: string, stream: string, upTo: number): void;
  resend(agent: string, stream: string, from: number): void;
  tell(event: ControllerEvent): void;
  /** Something that can't be used came, and was dropped. */
  dropped(why: string): void;
  failed(what: string, error: MusterError): void;
  now(): number;
}

export interface ResultsOptions {
  readonly store: Store;
  readonly port: ResultsPort;
  readonly maxSeries: number;
  /** Bytes of batches ahead of a gap, of all streams. */
  readonly heldBytes: number;
}

/** A header is small; more is no header. */
const HEADER_BYTES = 4_096;
/** Streams of one run: one per agent boot. */
const MAX_STREAMS = 4_096;
/** The windows of a second come in this long after its end. */
const PROGRESS_AFTER_MS = 400;
/** A finished run that nothing came for stays in memory for so long. */
const KEEP_FINISHED_MS = 120_000;
/** Between two summaries of late results, and two tries to read what is stored. */
const AGAIN_MS = 1_000;
/** Runs that were asked for and are not known: remembered, so that the store is not asked for each batch. */
const MAX_UNKNOWN = 1_000;

interface Entry {
  intake: RunIntake;
  loaded: Promise<void>;
  /** What is stored of the run could not be read: until it is, nothing can be told apart from what was stored. */
  broken: boolean;
  second: number;
  /** Progress is not made again before, so that a run with very many series does not eat the loop. */
  notBeforeMs: number;
  usedMs: number;
  pending: number;
}

/**
 * Takes in results: header, ledger, merge, store, acknowledge. What the ledger has taken is merged once and stored once;
 * only what is on disk is acknowledged. `receive` gives a promise while the store has no room, and then the receiver
 * waits, and the outboxes of the agents hold.
 */
export class ResultsPath {
  readonly #store: Store;
  readonly #port: ResultsPort;
  readonly #maxSeries: number;
  readonly #held: HeldBatches;
  readonly #runs = new Map<string, Entry>();
  readonly #loading = new Map<string, Promise<Entry | null>>();
  readonly #unknown = new Set<string>();
  /** Who has the outbox of a stream now, when that is not who made it. */
  readonly #holders = new Map<string, string>();
  readonly #acks = new Map<string, { readonly agent: string; readonly upTo: number }>();
  #flushing = false;

  constructor({ store, port, maxSeries, heldBytes }: ResultsOptions) {
    this.#store = store;
    this.#port = port;
    this.#maxSeries = maxSeries;
    this.#held = new HeldBatches(heldBytes);
  }

  /** An agent says which streams it has, those of its earlier lives included: acknowledgements go to it. */
  holds(agent: string, streams: readonly string[]): void {
    for (const [stream, holder] of this.#holders) if (holder === agent) this.#holders.delete(stream);
    for (const stream of streams) this.#holders.set(stream, agent);
  }

  /** A run's results are to be taken in. What is stored of it already is merged first. */
  open(record: RunRecord): void {
    const known = this.#runs.get(record.id);
    if (known !== undefined) known.intake.record = record;
    else this.#add(record);
  }

  /** The record changed. */
  facts(record: RunRecord): void {
    this.open(record);
  }

  record(run: string): RunRecord | null {
    return this.#runs.get(run)?.intake.record ?? null;
  }

  async receive(frames: readonly Frame[]): Promise<void> {
    const batch = this.#read(frames);
    if (batch === null) return;
    const { header, payload } = batch;
    const entry = this.#runs.get(header.run) ?? (await this.#late(header.run));
    if (entry === null) {
      this.#port.dropped(`a batch of run ${header.run}, which this broker does not know`);
      return;
    }
    await entry.loaded;
    if (entry.broken) {
      this.#port.dropped(`a batch of run ${header.run}, of which what is stored can't be read`);
      return;
    }
    if (this.#takeIn(entry, header, payload)) await this.#store.room();
  }

  #read(frames: readonly Frame[]): { readonly header: BatchHeader; readonly payload: Frame } | null {
    try {
      const read = readReceiver(frames);
      if (!read.native)
        throw new MusterError('NOT_SUPPORTED', 'a row of the original: its agents can not work here yet');
      const header = decodeNative(BatchHeader, read.header, HEADER_BYTES);
      if (runOfStream(header.stream) !== header.run)
        throw new MusterError('BAD_MESSAGE', `the stream ${header.stream} is not one of run ${header.run}`);
      return { header, payload: read.payload };
    } catch (thrown) {
      this.#port.dropped(MusterError.from(thrown).message);
      return null;
    }
  }

  /** @returns whether something was given to the store. */
  #takeIn(entry: Entry, header: BatchHeader, payload: Frame): boolean {
    const { intake } = entry;
    const { stream, number } = header;
    if (intake.streams >= MAX_STREAMS && !intake.knows(stream)) {
      this.#port.dropped(`run ${header.run} has ${MAX_STREAMS} streams already`);
      return false;
    }
    entry.usedMs = this.#port.now();
    const ledger = intake.ledger(stream);
    const holder = this.#holders.get(stream) ?? header.agent;
    const decision = ledger.take(number, header.last);
    switch (decision.do) {
      case 'wait':
        return false;
      case 'ack':
        this.#port.ack(holder, stream, decision.upTo);
        return false;
      case 'drop':
        this.#port.resend(holder, stream, decision.resendFrom);
        return false;
      case 'hold':
        this.#held.put(header, payload);
        if (decision.resendFrom !== null) this.#port.resend(holder, stream, decision.resendFrom);
        return false;
      case 'commit':
        this.#commit(entry, header, payload);
        this.#commitHeld(entry, stream, holder);
        return true;
    }
  }

  /** What was ahead of a gap that is closed now. */
  #commitHeld(entry: Entry, stream: string, holder: string): void {
    const ledger = entry.intake.ledger(stream);
    for (let next = ledger.next; next !== null; next = ledger.next) {
      const held = this.#held.take(stream, next);
      if (held === undefined) {
        // There was no room to hold it after all.
        this.#port.resend(holder, stream, next);
        return;
      }
      ledger.take(next, held.header.last);
      this.#commit(entry, held.header, held.payload);
    }
  }

  #commit(entry: Entry, header: BatchHeader, payload: Uint8Array): void {
    entry.intake.merge(header, payload, this.#port.now());
    entry.pending += 1;
    void this.#store.append({ header, payload }).then(
      (appended) => this.#stored(entry, header, appended),
      (thrown) => {
        entry.pending -= 1;
        this.#port.failed(
          `batch ${header.number} of ${header.stream} is not stored`,
          MusterError.from(thrown, 'STORE_FAILED'),
        );
      },
    );
  }

  #stored(entry: Entry, header: BatchHeader, appended: Appended): void {
    entry.pending -= 1;
    const { intake } = entry;
    const ledger = intake.ledger(header.stream);
    const wasClosed = ledger.closed;
    const upTo = ledger.committed(header.number);
    intake.stored(header, appended);
    this.#acks.set(header.stream, { agent: this.#holders.get(header.stream) ?? header.agent, upTo });
    if (!this.#flushing) {
      this.#flushing = true;
      // A commit stores many batches of a stream: one acknowledgement tells of all.
      setImmediate(() => this.#flushAcks());
    }
    if (ledger.closed && !wasClosed) this.#port.tell({ type: 'stream.closed', run: header.run, stream: header.stream });
  }

  #flushAcks(): void {
    this.#flushing = false;
    for (const [stream, { agent, upTo }] of this.#acks) this.#port.ack(agent, stream, upTo);
    this.#acks.clear();
  }

  /** To be called often; makes what is due: progress each second of a running run, summaries that late results changed. */
  tick(): void {
    const nowMs = this.#port.now();
    for (const [run, entry] of this.#runs) {
      const { state, startAtMs } = entry.intake.record;
      if (entry.broken) this.#loadAgain(entry, nowMs);
      else if (state === 'finished') this.#tickFinished(run, entry, nowMs);
      else if ((state === 'running' || state === 'stopping') && startAtMs !== null) {
        const second = Math.floor((nowMs - startAtMs - PROGRESS_AFTER_MS) / 1_000);
        if (second <= entry.second || nowMs < entry.notBeforeMs || second < 1) continue;
        entry.second = second;
        this.#progress(entry, nowMs);
      }
    }
  }

  #tickFinished(run: string, entry: Entry, nowMs: number): void {
    if (entry.pending > 0 || nowMs < entry.notBeforeMs) return;
    if (entry.intake.isLate) {
      entry.notBeforeMs = nowMs + AGAIN_MS;
      void this.#revise(entry);
    } else if (nowMs - entry.usedMs > KEEP_FINISHED_MS) {
      this.#runs.delete(run);
      this.#held.forget(run);
      void this.#store
        .release(run)
        .catch((thrown) => this.#port.failed(`closing run ${run}`, MusterError.from(thrown)));
    }
  }

  #progress(entry: Entry, nowMs: number): void {
    const began = performance.now();
    const progress = entry.intake.progress(nowMs);
    if (progress === null) return;
    this.#port.tell({ type: 'progress', run: progress.run, progress });
    const text = entry.intake.crossing(nowMs);
    if (text !== null) this.#port.tell({ type: 'threshold.crossed', run: progress.run, text });
    entry.notBeforeMs = nowMs + 10 * (performance.now() - began);
  }

  /** Counts what is there and tells the controller. */
  async count(record: RunRecord): Promise<void> {
    const entry = await this.#ready(record);
    const counted = entry.intake.count();
    this.#progress(entry, this.#port.now());
    this.#port.tell({ type: 'counted', run: record.id, counted });
  }

  /** Makes the summary, keeps it, tells the controller. */
  async summarise(record: RunRecord): Promise<void> {
    const entry = await this.#ready(record);
    const summary = entry.intake.summary(null);
    try {
      await this.#store.putSummary(record.id, { revision: summary.revision, summary, handleSummary: null });
    } catch (thrown) {
      this.#port.failed(`the summary of run ${record.id} is not stored`, MusterError.from(thrown));
    }
    this.#port.tell({ type: 'summarised', run: record.id, summary });
  }

  /** Late results: the summary says so, the verdict stays. */
  async #revise(entry: Entry): Promise<void> {
    const { id } = entry.intake.record;
    entry.pending += 1;
    try {
      const before = await this.#store.summary(id);
      const summary = entry.intake.summary(before);
      await this.#store.putSummary(id, {
        revision: summary.revision,
        summary,
        handleSummary: before?.handleSummary ?? null,
      });
    } catch (thrown) {
      this.#port.failed(`the summary of run ${id} is not revised`, MusterError.from(thrown));
    } finally {
      entry.pending -= 1;
    }
  }

  async #ready(record: RunRecord): Promise<Entry> {
    this.open(record);
    const entry = this.#runs.get(record.id) as Entry;
    await entry.loaded;
    return entry;
  }

  #add(record: RunRecord): Entry {
    const entry: Entry = {
      intake: new RunIntake(record, this.#maxSeries),
      loaded: Promise.resolve(),
      broken: false,
      second: 0,
      notBeforeMs: 0,
      usedMs: this.#port.now(),
      pending: 0,
    };
    this.#runs.set(record.id, entry);
    this.#unknown.delete(record.id);
    entry.loaded = this.#load(entry);
    return entry;
  }

  #loadAgain(entry: Entry, nowMs: number): void {
    if (nowMs < entry.notBeforeMs) return;
    entry.notBeforeMs = nowMs + AGAIN_MS;
    entry.intake = new RunIntake(entry.intake.record, this.#maxSeries);
    entry.loaded = this.#load(entry);
  }

  async #load(entry: Entry): Promise<void> {
    try {
      await this.#replay(entry.intake);
      entry.broken = false;
    } catch (thrown) {
      entry.broken = true;
      const { id } = entry.intake.record;
      this.#port.failed(`what is stored of run ${id} can't be read`, MusterError.from(thrown, 'STORE_FAILED'));
    }
  }

  async #replay(intake: RunIntake): Promise<void> {
    const { id } = intake.record;
    const streams = await this.#store.streams(id);
    intake.restore(streams);
    if (streams.length === 0) return;
    for await (const page of this.#store.replay(id)) intake.replay(page);
    intake.results.stored((await this.#store.query(id, 'samples', 0, 1)).total);
  }

  /** A batch came for a run that is not open: one that is over, or one that this broker never had. */
  #late(run: string): Promise<Entry | null> {
    if (this.#unknown.has(run)) return Promise.resolve(null);
    let loading = this.#loading.get(run);
    if (loading === undefined) {
      loading = this.#find(run).finally(() => this.#loading.delete(run));
      this.#loading.set(run, loading);
    }
    return loading;
  }

  async #find(run: string): Promise<Entry | null> {
    const found = await this.#store.run(run).catch((thrown) => {
      this.#port.failed(`run ${run} can't be looked up`, MusterError.from(thrown));
      return null;
    });
    const open = this.#runs.get(run);
    if (open !== undefined) return open;
    if (found === null || found.detail === null) {
      if (this.#unknown.size >= MAX_UNKNOWN) this.#unknown.clear();
      this.#unknown.add(run);
      return null;
    }
    const entry = this.#add(found.detail as RunRecord);
    await entry.loaded;
    entry.intake.summarizedBatches = entry.intake.results.batches;
    return entry;
  }
}
