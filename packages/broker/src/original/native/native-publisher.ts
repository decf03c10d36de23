import { type BatchHeader, type ErrorGroup, encodeOriginal } from '@muster/protocol';
import type { RunRecord } from '../../controller/run-record.js';
import { type BatchContent, decodeBatch, type SampleColumn } from '../../results/decode-batch.js';
import { sampleValue } from '../../store/tables.js';
import { BATCH_ROWS, nativeBatch } from './native-batch.js';
import { NativeLook, type NativeRow, type NativeSample, SAMPLE_NAMES } from './native-look.js';
import { NativeTally } from './native-tally.js';

export interface NativePublisherPort {
  /** Somebody is subscribed. */
  watched(): boolean;
  publish(payload: Buffer): void;
  now(): number;
}

/** Least time between two batches of an agent. */
const EVERY_MS = 1_000;
/** The workers of an agent seal a second at about the same time: so long is waited for the others. */
const GATHER_MS = 250;
/** Kinds of failure that are kept for the rows of a batch. */
const MAX_ERRORS = 100;

/** What came of an agent and is not published yet. */
interface Gathered {
  tally: NativeTally;
  began: boolean;
  ended: boolean;
  hits: NativeRow[];
  errors: ErrorGroup[];
  /** When the first of it came; null: nothing is gathered. */
  sinceMs: number | null;
  publishedMs: number;
  readonly told: Map<string, { started: number; stopped: number }>;
}

interface WatchedRun {
  record: RunRecord;
  readonly agents: Map<string, Gathered>;
}

/**
 * Runs of ours for watchers of the original: of what is merged one batch per agent and second. Nothing is done, and
 * nothing remembered, while nobody is subscribed.
 */
export class NativePublisher {
  readonly #port: NativePublisherPort;
  readonly #runs = new Map<string, WatchedRun>();

  constructor(port: NativePublisherPort) {
    this.#port = port;
  }

  /** A batch that was merged; `content` is null where it was not read yet. */
  merged(record: RunRecord, header: BatchHeader, content: BatchContent | null, payload: Uint8Array): void {
    if (!this.#port.watched()) return;
    const gathered = this.#of(record, header.agent);
    gathered.sinceMs ??= this.#port.now();
    if (header.number === 0) gathered.began = true;
    if (header.last) gathered.ended = true;
    if (content?.kind === 'window') {
      gathered.tally.addWindow(content.window.series);
      const thrown = content.window.errors.filter(isThrown);
      gathered.errors.push(...thrown.slice(0, MAX_ERRORS - gathered.errors.length));
    }
    if (header.kind === 'samples' && gathered.hits.length < BATCH_ROWS)
      this.#takeHits(gathered, new NativeLook(record), decodeBatch('samples', payload));
  }

  /** To be called often: publishes what is due. */
  tick(): void {
    if (!this.#port.watched()) {
      this.#runs.clear();
      return;
    }
    const nowMs = this.#port.now();
    for (const { record, agents } of this.#runs.values()) {
      for (const [agent, gathered] of agents) {
        const { sinceMs, publishedMs } = gathered;
        if (sinceMs === null || nowMs - sinceMs < GATHER_MS || nowMs - publishedMs < EVERY_MS) continue;
        this.#publish(record, agent, gathered);
      }
    }
  }

  /** The run is over: what is gathered goes out. Late results will make batches of their own. */
  finished(run: string): void {
    const found = this.#runs.get(run);
    this.#runs.delete(run);
    if (found === undefined || !this.#port.watched()) return;
    for (const [agent, gathered] of found.agents)
      if (gathered.sinceMs !== null) this.#publish(found.record, agent, gathered);
  }

  #of(record: RunRecord, agent: string): Gathered {
    const run = this.#runs.get(record.id) ?? { record, agents: new Map<string, Gathered>() };
    run.record = record;
    this.#runs.set(record.id, run);
    const known = run.agents.get(agent);
    if (known !== undefined) return known;
    const made: Gathered = { ...nothing(), publishedMs: Number.NEGATIVE_INFINITY, told: new Map() };
    run.agents.set(agent, made);
    return made;
  }

  /** At most a batch full, evenly chosen. */
  #takeHits(gathered: Gathered, look: NativeLook, content: BatchContent): void {
    if (content.kind !== 'samples') return;
    const columns = new Map(content.columns.map((column) => [column.name, column]));
    const every = Math.ceil(content.rows / BATCH_ROWS);
    for (let row = 0; row < content.rows && gathered.hits.length < BATCH_ROWS; row += every)
      gathered.hits.push(look.hit(sampleAt(columns, row)));
  }

  #publish(record: RunRecord, agent: string, gathered: Gathered): void {
    const { tally, told } = gathered;
    const hits = gathered.hits.slice(0, Math.max(0, tally.hits));
    const batch = nativeBatch({ ...gathered, hits, before: told }, new NativeLook(record));
    for (const [scenario, { started, stopped }] of tally.scenarios) {
      const before = told.get(scenario) ?? { started: 0, stopped: 0 };
      told.set(scenario, { started: before.started + started, stopped: before.stopped + stopped });
    }
    // Rows that came before their window wait for it.
    const rest = gathered.hits.slice(hits.length);
    Object.assign(gathered, nothing(), { hits: rest, publishedMs: this.#port.now() });
    if (batch === null) return;
    const hostname = record.members.find(({ id }) => id === agent)?.hostname ?? '?';
    this.#port.publish(encodeOriginal({ data_type: 'batch', agent_id: agent, hostname, run_id: record.id, ...batch }));
  }
}

/** A failure of the author's code; that of a request is told by its own row. */
const isThrown = ({ code, where }: ErrorGroup): boolean =>
  where !== null || code === 'SCRIPT_EXCEPTION' || code === 'FAIL';

const nothing = (): Pick<Gathered, 'tally' | 'began' | 'ended' | 'hits' | 'errors' | 'sinceMs'> => ({
  tally: new NativeTally(),
  began: false,
  ended: false,
  hits: [],
  errors: [],
  sinceMs: null,
});

const sampleAt = (columns: ReadonlyMap<string, SampleColumn>, row: number): NativeSample =>
  Object.fromEntries(
    SAMPLE_NAMES.map((name) => {
      const column = columns.get(name);
      return [name, column === undefined ? '' : sampleValue(column, row)];
    }),
  ) as unknown as NativeSample;
