import {
  type ControllerEvent,
  type Counted,
  coverageOf,
  factsOf,
  type RunRecord,
  WorkerAccounts,
} from '@muster/broker/internal';
import { SeriesSet, type SeriesSnapshot } from '@muster/metrics';
import { BOUNDS, decodeNative, EndPayload, type StreamId } from '@muster/protocol';
import type { LedgerCore } from './cores.js';
import type { Batch, SimStore } from './sim-store.js';
import { LOAD } from './sim-test-file.js';

/** What a worker sealed in one second. */
export interface SealedSecond {
  readonly second: number;
  readonly sealedToMs: number;
  readonly started: number;
  readonly dropped: Readonly<Record<string, number>>;
}

export interface SimResultsPort {
  readonly store: SimStore;
  ledger(stored: number, closed: boolean): LedgerCore;
  secondOf(payload: Uint8Array): SealedSecond | undefined;
  /** Calls back when the batches are durable; those of one call together, calls in order. */
  commit(batches: readonly Batch[], done: () => void): void;
  ack(agent: string, stream: StreamId, upTo: number): void;
  resend(agent: string, stream: StreamId, from: number): void;
  tell(event: ControllerEvent): void;
}

/** The broker's results path as a model: the real ledger decides, the store is the simulated disk. */
export class SimResults {
  readonly #port: SimResultsPort;
  readonly #records = new Map<string, RunRecord>();
  readonly #ledgers = new Map<string, LedgerCore>();
  readonly #held = new Map<string, Map<number, Batch>>();
  readonly #holders = new Map<string, string>();

  constructor(port: SimResultsPort) {
    this.#port = port;
  }

  /** An agent says which streams it has: acknowledgements go to it. */
  holds(agent: string, streams: readonly string[]): void {
    for (const stream of streams) this.#holders.set(stream, agent);
  }

  open(record: RunRecord): void {
    this.#records.set(record.id, record);
  }
  record(run: string): RunRecord | undefined {
    return this.#records.get(run);
  }
  get records(): Iterable<RunRecord> {
    return this.#records.values();
  }

  take(batch: Batch): void {
    const { run, stream, number, last, agent } = batch.header;
    if (!this.#records.has(run)) {
      const kept = this.#port.store.runs.get(run);
      if (kept === undefined || kept === null) return;
      this.open(kept);
    }
    const ledger = this.#ledgerOf(stream);
    const holder = this.#holders.get(stream) ?? agent;
    const decision = ledger.take(number, last);
    switch (decision.do) {
      case 'wait':
        return;
      case 'ack':
        this.#port.ack(holder, stream, decision.upTo);
        return;
      case 'drop':
        this.#port.resend(holder, stream, decision.resendFrom);
        return;
      case 'hold': {
        const held = this.#held.get(stream) ?? new Map<number, Batch>();
        this.#held.set(stream, held.set(number, batch));
        if (decision.resendFrom !== null) this.#port.resend(holder, stream, decision.resendFrom);
        return;
      }
      case 'commit':
        this.#commit([batch, ...this.#heldAfter(stream, ledger)], ledger);
    }
  }

  #heldAfter(stream: string, ledger: LedgerCore): readonly Batch[] {
    const batches: Batch[] = [];
    for (let { next } = ledger; next !== null; { next } = ledger) {
      const batch = this.#held.get(stream)?.get(next);
      if (batch === undefined) break;
      this.#held.get(stream)?.delete(next);
      ledger.take(next, batch.header.last);
      batches.push(batch);
    }
    return batches;
  }

  #commit(batches: readonly Batch[], ledger: LedgerCore): void {
    this.#port.commit(batches, () => {
      for (const { header } of batches) {
        const { stream, number, agent, run } = header;
        const wasClosed = ledger.closed;
        const upTo = ledger.committed(number);
        this.#port.ack(this.#holders.get(stream) ?? agent, stream, upTo);
        if (ledger.closed && !wasClosed) this.#port.tell({ type: 'stream.closed', run, stream });
      }
    });
  }

  #ledgerOf(stream: string): LedgerCore {
    const known = this.#ledgers.get(stream);
    if (known !== undefined) return known;
    const { store } = this.#port;
    const ledger = this.#port.ledger(store.highWater(stream), store.streams.get(stream)?.closed ?? false);
    this.#ledgers.set(stream, ledger);
    return ledger;
  }

  count(record: RunRecord, crossed: string | null): Counted {
    const { coverage } = report(record, this.#port.store, this.#port.secondOf);
    let completed = 0;
    for (const { batches } of this.#port.store.streamsOf(record.id))
      for (const { payload } of batches) completed += this.#port.secondOf(payload)?.started ?? 0;
    return { coverage: coverage.ratio, failedThreshold: crossed, iterations: { completed, failed: 0 } };
  }
}

/** What the store has of a run, summed up as the broker sums it up. */
export const report = (
  record: RunRecord,
  store: SimStore,
  secondOf: (payload: Uint8Array) => SealedSecond | undefined,
): { readonly accounts: WorkerAccounts; readonly coverage: ReturnType<typeof coverageOf> } => {
  const accounts = new WorkerAccounts();
  const closed = new Set<string>();
  for (const stream of store.streamsOf(record.id)) {
    if (stream.closed) closed.add(stream.agent);
    for (const { header, payload } of stream.batches) {
      const { agent, worker, kind } = header;
      if (kind === 'end') {
        for (const gap of decodeNative(EndPayload, payload, BOUNDS.resultBytes).gaps)
          accounts.gap(agent, gap.worker, gap);
        continue;
      }
      const sealed = secondOf(payload);
      if (sealed === undefined) continue;
      accounts.sealed(agent, worker, sealed.sealedToMs);
      accounts.series(agent, worker, counter('iterations_started', {}, sealed.started));
      for (const [reason, count] of Object.entries(sealed.dropped))
        accounts.series(agent, worker, counter('dropped_iterations', { reason }, count));
    }
  }
  const coverage = coverageOf({
    facts: factsOf(record),
    accounts,
    closed,
    totals: new SeriesSet(),
    rows: { measured: 0, stored: 0 },
  });
  return { accounts, coverage };
};

const counter = (metric: string, tags: Readonly<Record<string, string>>, count: number): SeriesSnapshot => ({
  metric,
  type: 'counter',
  contains: 'default',
  unit: 'us',
  tags: { scenario: LOAD, ...tags },
  values: [count],
});
