import { abortingThreshold, aggregate, type ThresholdResult } from '@muster/metrics';
import { type BatchHeader, type Progress, Summary } from '@muster/protocol';
import type { Counted } from '../controller/events.js';
import type { RunRecord } from '../controller/run-record.js';
import { StreamLedger } from '../ledger/stream-ledger.js';
import type { ReplayPage, StoredStream, StoredSummary } from '../store/store.js';
import { type BatchContent, decodeBatch } from './decode-batch.js';
import { factsOf, runPartOf } from './facts-of.js';
import { progressOf } from './progress.js';
import { RunResults } from './run-results.js';
import { judge, summarizeRun } from './summarize-run.js';

/** A window that lies further than this outside the run's time is not believed. */
const SLACK_SECONDS = 60;

export type ProgressEvent = Omit<Progress, 'number' | 'state' | 'agents'>;

/** One run whose results are taken in: its streams' numbers, what is merged, how its thresholds stand. */
export class RunIntake {
  /** The controller's record as it was told last. */
  record: RunRecord;
  readonly results: RunResults;
  readonly #ledgers = new Map<string, StreamLedger>();
  #crossed: ThresholdResult | null = null;
  #judged: readonly ThresholdResult[] | null = null;
  /** What the stored summary is made of; late results make it older. */
  summarizedBatches = -1;

  constructor(record: RunRecord, maxSeries: number) {
    this.record = record;
    this.results = new RunResults(maxSeries);
  }

  /** What was stored by an earlier process. */
  restore(streams: readonly StoredStream[]): void {
    for (const { stream, agent, highWater, closed } of streams) {
      this.#ledgers.set(stream, new StreamLedger(highWater, closed));
      if (closed) this.results.close(agent);
    }
  }
  replay(page: ReplayPage): void {
    this.results.replay(page);
  }

  ledger(stream: string): StreamLedger {
    let ledger = this.#ledgers.get(stream);
    if (ledger === undefined) {
      ledger = new StreamLedger();
      this.#ledgers.set(stream, ledger);
    }
    return ledger;
  }
  knows(stream: string): boolean {
    return this.#ledgers.has(stream);
  }
  get streams(): number {
    return this.#ledgers.size;
  }

  /** Streams of which something was taken in, and of which everything was. */
  get agents(): { readonly begun: number; readonly ended: number } {
    const ledgers = [...this.#ledgers.values()];
    return {
      begun: ledgers.filter(({ begun }) => begun).length,
      ended: ledgers.filter(({ ended }) => ended).length,
    };
  }

  /**
   * Merges a batch that is the next of its stream. Rows are not looked at: they are only stored.
   *
   * @returns what was merged; null when it was nothing
   */
  merge(header: BatchHeader, payload: Uint8Array, nowMs: number): BatchContent | null {
    const { agent, worker, kind } = header;
    if (kind === 'samples') return null;
    const content = decodeBatch(kind, payload);
    if (content.kind === 'hole') this.results.hole(agent, worker, kind, content.why);
    else if (content.kind === 'end') this.results.end(agent, content.end);
    else if (content.kind === 'window') {
      if (!this.#believable(content.window.second, nowMs)) {
        this.results.hole(agent, worker, kind, `second ${content.window.second} is not one of this run`);
        return null;
      }
      this.results.window(agent, worker, content.window);
    }
    return content;
  }

  #believable(second: number, nowMs: number): boolean {
    const { startAtMs, state, durationMs } = this.record;
    const elapsedMs = state === 'settling' || state === 'finished' ? durationMs : nowMs - (startAtMs ?? nowMs);
    return second >= -SLACK_SECONDS && second <= elapsedMs / 1_000 + SLACK_SECONDS;
  }

  /** A batch is on disk. */
  stored(header: BatchHeader, appended: { readonly hole: string | null; readonly rows: number }): void {
    this.results.stored(appended.rows);
    if (header.kind === 'samples' && appended.hole !== null)
      this.results.hole(header.agent, header.worker, 'samples', appended.hole);
    if (this.ledger(header.stream).closed) this.results.close(header.agent);
  }

  /** How the run stands; null before the options are known. */
  progress(nowMs: number): ProgressEvent | null {
    const { options, startAtMs, id, state, durationMs, members } = this.record;
    if (options === null) return null;
    const ended = state === 'settling' || state === 'finished';
    const atMs = ended ? durationMs : Math.max(0, nowMs - (startAtMs ?? nowMs));
    this.results.thresholds = this.#judged ?? judge(this.results, factsOf(this.record));
    return { run: id, ...progressOf(this.results, options, members.length, atMs) };
  }

  /** The threshold for which the run is to be stopped, the first time that there is one. */
  crossing(nowMs: number): string | null {
    const { startAtMs, state } = this.record;
    if (this.#crossed !== null || startAtMs === null || state !== 'running') return null;
    const found = abortingThreshold(this.results.thresholds, nowMs - startAtMs);
    if (found === undefined) return null;
    this.#crossed = found;
    return sentenceOf(found);
  }

  /** The figures on which the verdict rests; from now on the thresholds stay as they are. */
  count(): Counted {
    const facts = factsOf(this.record);
    const crossed = this.#crossed;
    this.#judged = judge(this.results, facts).map((result) =>
      // What stopped the run does not hold any more only because the run was stopped.
      crossed !== null && result.spec === crossed.spec ? { ...result, ok: false } : result,
    );
    this.results.thresholds = this.#judged;
    const failed = this.#judged.find(({ ok }) => !ok);
    return {
      coverage: summarizeRun(this.results, facts, []).coverage.ratio,
      failedThreshold: crossed !== null ? sentenceOf(crossed) : failed === undefined ? null : sentenceOf(failed),
      iterations: { completed: this.#countOf('iterations'), failed: this.#countOf('iterations_failed') },
    };
  }

  #countOf(metric: string): number {
    const found = aggregate(this.results.series.totals, metric);
    return found?.sink.type === 'counter' ? found.sink.sum : 0;
  }

  /** The exported summary. @param before an earlier one: its run and thresholds stay, its revision is raised. */
  summary(before: StoredSummary | null): Summary {
    this.summarizedBatches = this.results.batches;
    const facts = factsOf(this.record);
    const made = {
      version: 1 as const,
      revision: (before?.revision ?? 0) + 1,
      run: runPartOf(this.record),
      ...summarizeRun(this.results, facts, this.#judged ?? []),
    };
    const earlier = before === null ? null : Summary.safeParse(before.summary);
    if (earlier?.success !== true) return made;
    return { ...made, run: earlier.data.run, thresholds: earlier.data.thresholds };
  }

  /** Something came since the last summary. */
  get isLate(): boolean {
    return this.summarizedBatches >= 0 && this.results.batches > this.summarizedBatches;
  }
}

const sentenceOf = ({ spec, value }: ThresholdResult): string =>
  `threshold ${spec.key} ${spec.expression} failed: ${value === undefined ? 'no data' : Number(value.toFixed(4))}`;
