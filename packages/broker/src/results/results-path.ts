import { BatchHeader, decodeNative, type Frame, MusterError, readReceiver, runOfStream } from '@muster/protocol';
import type { ControllerEvent } from '../controller/events.js';
import type { RunRecord } from '../controller/run-record.js';
import type { Appended, Store } from '../store/store.js';
import type { BatchContent } from './decode-batch.js';
import { HeldBatches } from './held-batches.js';
import { type OpenRun, OpenRuns } from './open-runs.js';
import type { RunIntake } from './run-intake.js';
import { RunReports } from './run-reports.js';

/** What the results path needs of the broker around it. */
export interface ResultsPort {
  /** Everything of a stream up to this number is on disk. */
  ack(agent: string, stream: string, upTo: number): void;
  resend(agent: string, stream: string, from: number): void;
  tell(event: ControllerEvent): void;
  /** A batch was merged; `content` is null where its rows were not looked at. For watchers of the original. */
  merged(record: RunRecord, header: BatchHeader, content: BatchContent | null, payload: Uint8Array): void;
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

/**
 * Takes in results: header, ledger, merge, store, acknowledge. What the ledger has taken is merged once and stored once;
 * only what is on disk is acknowledged. `receive` gives a promise while the store has no room, and then the receiver
 * waits, and the outboxes of the agents hold.
 */
export class ResultsPath {
  readonly #store: Store;
  readonly #port: ResultsPort;
  readonly #runs: OpenRuns;
  readonly #reports: RunReports;
  readonly #held: HeldBatches;
  /** Who has the outbox of a stream now, when that is not who made it. */
  readonly #holders = new Map<string, string>();
  readonly #acks = new Map<string, { readonly agent: string; readonly upTo: number }>();
  #flushing = false;

  constructor({ store, port, maxSeries, heldBytes }: ResultsOptions) {
    this.#store = store;
    this.#port = port;
    this.#held = new HeldBatches(heldBytes);
    this.#runs = new OpenRuns({ ...port, store, maxSeries });
    this.#reports = new RunReports({ ...port, store, runs: this.#runs, forgotten: (run) => this.#forget(run) });
  }

  /** An agent says which streams it has, those of its earlier lives included: acknowledgements go to it. */
  holds(agent: string, streams: readonly string[]): void {
    for (const [stream, holder] of this.#holders) if (holder === agent) this.#holders.delete(stream);
    for (const stream of streams) this.#holders.set(stream, agent);
  }

  /** A run's results are to be taken in, or its record changed. */
  open(record: RunRecord): void {
    this.#runs.open(record);
  }
  /** To be called often: progress, and summaries that late results changed. */
  tick(): void {
    this.#reports.tick();
  }
  /** Counts what is there and tells the controller. */
  count(record: RunRecord): Promise<void> {
    return this.#reports.count(record);
  }
  /** Makes the summary, keeps it, tells the controller. */
  summarise(record: RunRecord): Promise<void> {
    return this.#reports.summarise(record);
  }

  /**
   * What is merged of a run, also of one that is over; null for one that this broker never had.
   *
   * @throws MusterError `STORE_FAILED` when what is stored of it can't be read
   */
  async look(run: string): Promise<RunIntake | null> {
    const open = await this.#runs.find(run);
    if (open === null) return null;
    await open.loaded;
    if (open.broken) throw new MusterError('STORE_FAILED', `what is stored of run ${run} can't be read now: ask again`);
    open.usedMs = this.#port.now();
    return open.intake;
  }

  async receive(frames: readonly Frame[]): Promise<void> {
    const batch = this.#read(frames);
    if (batch === null) return;
    const { header, payload } = batch;
    const open = await this.#runs.find(header.run);
    if (open === null) {
      this.#port.dropped(`a batch of run ${header.run}, which this broker does not know`);
      return;
    }
    await open.loaded;
    if (open.broken) {
      this.#port.dropped(`a batch of run ${header.run}, of which what is stored can't be read`);
      return;
    }
    if (this.#takeIn(open, header, payload)) await this.#store.room();
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
  #takeIn(open: OpenRun, header: BatchHeader, payload: Frame): boolean {
    const { intake } = open;
    const { stream, number } = header;
    if (intake.streams >= MAX_STREAMS && !intake.knows(stream)) {
      this.#port.dropped(`run ${header.run} has ${MAX_STREAMS} streams already`);
      return false;
    }
    open.usedMs = this.#port.now();
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
        this.#commit(open, header, payload);
        this.#commitHeld(open, stream, holder);
        return true;
    }
  }

  /** What was ahead of a gap that is closed now. */
  #commitHeld(open: OpenRun, stream: string, holder: string): void {
    const ledger = open.intake.ledger(stream);
    for (let next = ledger.next; next !== null; next = ledger.next) {
      const held = this.#held.take(stream, next);
      if (held === undefined) {
        // There was no room to hold it after all.
        this.#port.resend(holder, stream, next);
        return;
      }
      ledger.take(next, held.header.last);
      this.#commit(open, held.header, held.payload);
    }
  }

  #commit(open: OpenRun, header: BatchHeader, payload: Uint8Array): void {
    const content = open.intake.merge(header, payload, this.#port.now());
    this.#port.merged(open.intake.record, header, content, payload);
    open.pending += 1;
    void this.#store.append({ header, payload }).then(
      (appended) => this.#stored(open, header, appended),
      (thrown) => {
        open.pending -= 1;
        this.#port.failed(
          `batch ${header.number} of ${header.stream} is not stored`,
          MusterError.from(thrown, 'STORE_FAILED'),
        );
      },
    );
  }

  #stored(open: OpenRun, header: BatchHeader, appended: Appended): void {
    open.pending -= 1;
    const { intake } = open;
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

  #forget(run: string): void {
    this.#held.forget(run);
    void this.#store.release(run).catch((thrown) => this.#port.failed(`closing run ${run}`, MusterError.from(thrown)));
  }
}
