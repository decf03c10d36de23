import { RunSeries, type ThresholdResult } from '@muster/metrics';
import type { EndPayload } from '@muster/protocol';
import type { ReplayPage } from '../store/store.js';
import type { SealedWindow } from './decode-batch.js';
import { ErrorLedger } from './error-ledger.js';
import { WorkerAccounts } from './worker-accounts.js';

/**
 * Everything that is merged of one run, bounded by the series bound. It is fed once with each batch, in any order of
 * streams; what comes after the end of the run goes on to be added.
 */
export class RunResults {
  readonly series: RunSeries;
  readonly errors = new ErrorLedger();
  readonly accounts = new WorkerAccounts();
  readonly closed = new Set<string>();
  /** How the thresholds stood when they were evaluated last. */
  thresholds: readonly ThresholdResult[] = [];
  #measured = 0;
  #stored = 0;
  #batches = 0;

  constructor(maxSeries: number) {
    this.series = new RunSeries({ maxSeries });
  }

  get rows(): { readonly measured: number; readonly stored: number } {
    return { measured: this.#measured, stored: this.#stored };
  }
  /** Grows with everything that is added: tells whether a summary is still true. */
  get batches(): number {
    return this.#batches;
  }

  window(agent: string, worker: number, window: SealedWindow): void {
    this.#batches += 1;
    this.series.add(window.second, window.series);
    for (const snapshot of window.series) this.accounts.series(agent, worker, snapshot);
    for (const group of window.errors) this.errors.add(agent, group);
    this.accounts.sealed(agent, worker, window.sealedToMs);
    this.#measured += window.rows.measured;
  }

  /** Requests that are on disk now. */
  stored(rows: number): void {
    this.#stored += rows;
    if (rows > 0) this.#batches += 1;
  }

  end(agent: string, end: EndPayload): void {
    this.#batches += 1;
    for (const { worker, ...gap } of end.gaps) this.accounts.gap(agent, worker, gap);
  }

  /** The agent's stream is complete. */
  close(agent: string): void {
    this.closed.add(agent);
  }

  hole(agent: string, worker: number, kind: string, why: string): void {
    this.#batches += 1;
    this.accounts.hole(agent, worker, kind, why);
  }

  /** What was stored before this process began. */
  replay(page: ReplayPage): void {
    this.#batches += 1;
    for (const { agent, worker, second, snapshot } of page.series) {
      this.series.add(second, [snapshot]);
      this.accounts.series(agent, worker, snapshot);
    }
    for (const { agent, group } of page.errors) this.errors.add(agent, group);
    for (const { agent, worker, ...gap } of page.gaps) this.accounts.gap(agent, worker, gap);
    for (const { agent, worker, sealedToMs, measured } of page.seconds) {
      this.accounts.sealed(agent, worker, sealedToMs);
      this.#measured += measured;
    }
  }
}
