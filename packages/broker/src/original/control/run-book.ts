import type { Instant } from '../../controller/events.js';
import { NO_OBSERVERS } from '../../observers/observer.js';
import type { OriginalMetadata } from '../original-results.js';
import type { OriginalEffect } from './events.js';
import { deletesOf, type KeptState, type OriginalRunRecord, overKey, savesBetween } from './kept-state.js';

/** Runs that are over and remembered: late results and late agents begin none of them again. */
const MAX_OVER = 1_000;

export interface RunBookPort {
  do(effect: OriginalEffect): void;
  now(): Instant;
}

/**
 * The runs of the original that are not over, and which ones are. Whatever changes is saved.
 *
 * | step      | until                                    | a broker that is started again              |
 * |-----------|------------------------------------------|---------------------------------------------|
 * | `opening` | its metadata is kept                     | drops it: its client was not answered       |
 * | `running` | its last member has nothing to do for it | goes on                                     |
 * | `ending`  | its end is kept                          | ends it again                               |
 */
export class RunBook {
  readonly #port: RunBookPort;
  readonly #runs: Map<string, OriginalRunRecord>;
  readonly #over: Set<string>;
  #orphans: readonly string[];

  constructor(kept: KeptState, port: RunBookPort) {
    this.#port = port;
    this.#runs = new Map(kept.runs.map((record) => [record.id, record]));
    this.#over = new Set(kept.over);
    this.#orphans = kept.orphans;
  }

  get(run: string): OriginalRunRecord | undefined {
    return this.#runs.get(run);
  }
  all(): readonly OriginalRunRecord[] {
    return [...this.#runs.values()];
  }
  get count(): number {
    return this.#runs.size;
  }
  isOver(run: string): boolean {
    return this.#over.has(run);
  }

  /** After a start: what an earlier broker left half done. */
  resume(): void {
    for (const key of this.#orphans) this.#port.do({ type: 'delete', key });
    this.#orphans = [];
    for (const record of this.all()) {
      if (record.step === 'opening') this.drop(record);
      else if (record.step === 'ending') this.#end(record, record.ending ?? {});
      else if (record.members.length === 0) this.end(record);
    }
  }

  keep(record: OriginalRunRecord): void {
    for (const save of savesBetween(this.#runs.get(record.id), record)) this.#port.do(save);
    this.#runs.set(record.id, record);
  }

  /** Nobody needs it any more. */
  drop(record: OriginalRunRecord): void {
    this.#runs.delete(record.id);
    for (const each of deletesOf(record)) this.#port.do(each);
  }

  /** An agent has nothing to do for a run any more; the last one ends it. */
  leave(run: string, agent: string): void {
    const record = this.#runs.get(run);
    if (record === undefined || record.step === 'ending') return;
    const members = record.members.filter((member) => member.agent !== agent);
    if (members.length === record.members.length) return;
    if (members.length > 0 || record.step === 'opening') this.keep({ ...record, members });
    else this.end(record);
  }

  /** An agent could not begin; clients find why in the metadata. */
  noteError(run: string, agent: string, why: string): void {
    const record = this.#runs.get(run);
    if (record === undefined) return;
    const errors = { ...record.errors, [agent]: why };
    this.keep({ ...record, errors });
    this.#port.do({ type: 'note', run, changes: { errors }, reply: null });
  }

  end(record: OriginalRunRecord): void {
    const ending = { stopped: true, active: false, ended: this.#port.now().wallMs / 1_000 };
    this.keep({ ...record, step: 'ending', members: [], ending });
    this.#end(record, ending);
  }

  #end({ id: run, observers = NO_OBSERVERS }: OriginalRunRecord, changes: OriginalMetadata): void {
    this.#port.do({ type: 'end', run, changes, observers });
  }

  /** The end of a run is kept: only that it is over is remembered. */
  ended(run: string): void {
    const record = this.#runs.get(run);
    if (record?.step !== 'ending') return;
    this.drop(record);
    this.#over.add(run);
    this.#port.do({ type: 'save', key: overKey(run), value: this.#port.now().wallMs });
    for (const oldest of this.#over) {
      if (this.#over.size <= MAX_OVER) break;
      this.#over.delete(oldest);
      this.#port.do({ type: 'delete', key: overKey(oldest) });
    }
  }
}
