import { MusterError } from '@muster/protocol';
import type { ControllerEvent } from '../controller/events.js';
import type { RunRecord } from '../controller/run-record.js';
import type { Store } from '../store/store.js';
import { untilDone } from '../store/until-done.js';
import type { OpenRun, OpenRuns } from './open-runs.js';

export interface RunReportsPort {
  readonly store: Store;
  readonly runs: OpenRuns;
  tell(event: ControllerEvent): void;
  failed(what: string, error: MusterError): void;
  now(): number;
  /** A run that is over is not held in memory any more. */
  forgotten(run: string): void;
}

/** The windows of a second come in this long after its end. */
const PROGRESS_AFTER_MS = 400;
/** A finished run that nothing came for stays in memory for so long. */
const KEEP_FINISHED_MS = 120_000;
/** Between two summaries of late results. */
const REVISE_MS = 1_000;
/** Progress takes at most one tenth of the time, however many series a run has. */
const PROGRESS_SHARE = 10;

/** What is made of merged results: progress each second, the figures for the verdict, the summary and its revisions. */
export class RunReports {
  readonly #port: RunReportsPort;

  constructor(port: RunReportsPort) {
    this.#port = port;
  }

  /** To be called often: makes what is due. */
  tick(): void {
    const nowMs = this.#port.now();
    for (const [run, open] of this.#port.runs) {
      const { state, startAtMs } = open.intake.record;
      if (open.broken) this.#port.runs.retry(open);
      else if (state === 'finished') this.#tickFinished(run, open, nowMs);
      else if ((state === 'running' || state === 'stopping') && startAtMs !== null) {
        const second = Math.floor((nowMs - startAtMs - PROGRESS_AFTER_MS) / 1_000);
        if (second <= open.second || nowMs < open.notBeforeMs || second < 1) continue;
        open.second = second;
        this.#progress(open, nowMs);
      }
    }
  }

  #tickFinished(run: string, open: OpenRun, nowMs: number): void {
    if (open.pending > 0 || nowMs < open.notBeforeMs) return;
    if (open.intake.isLate) {
      open.notBeforeMs = nowMs + REVISE_MS;
      void this.#revise(open);
    } else if (nowMs - open.usedMs > KEEP_FINISHED_MS) {
      this.#port.runs.forget(run);
      this.#port.forgotten(run);
    }
  }

  #progress(open: OpenRun, nowMs: number): void {
    const began = performance.now();
    const progress = open.intake.progress(nowMs);
    if (progress === null) return;
    this.#port.tell({ type: 'progress', run: progress.run, progress });
    const text = open.intake.crossing(nowMs);
    if (text !== null) this.#port.tell({ type: 'threshold.crossed', run: progress.run, text });
    open.notBeforeMs = nowMs + PROGRESS_SHARE * (performance.now() - began);
  }

  /** Counts what is there and tells the controller. */
  async count(record: RunRecord): Promise<void> {
    const open = this.#port.runs.open(record);
    await open.loaded;
    const counted = open.intake.count();
    this.#progress(open, this.#port.now());
    this.#port.tell({ type: 'counted', run: record.id, counted });
  }

  /** Makes the summary, keeps it, tells the controller. */
  async summarise(record: RunRecord): Promise<void> {
    const open = this.#port.runs.open(record);
    await open.loaded;
    const summary = open.intake.summary(null);
    const kept = { revision: summary.revision, summary, handleSummary: null };
    await untilDone(
      () => this.#port.store.putSummary(record.id, kept),
      (thrown) => this.#port.failed(`the summary of run ${record.id} is not stored yet`, MusterError.from(thrown)),
    );
    this.#port.tell({ type: 'summarised', run: record.id, summary });
  }

  /** Late results: the summary says so, the verdict stays. */
  async #revise(open: OpenRun): Promise<void> {
    const { id } = open.intake.record;
    open.pending += 1;
    try {
      const before = await this.#port.store.summary(id);
      const summary = open.intake.summary(before);
      const handleSummary = before?.handleSummary ?? null;
      await this.#port.store.putSummary(id, { revision: summary.revision, summary, handleSummary });
    } catch (thrown) {
      this.#port.failed(`the summary of run ${id} is not revised`, MusterError.from(thrown));
    } finally {
      open.pending -= 1;
    }
  }
}
