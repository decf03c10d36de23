import type { RunId } from '@muster/protocol';
import type { ControllerEffect } from '../events.js';
import { infoOf, type RunRecord } from '../run-record.js';
import { deletesOf, isSeenChange, orphansIn, runsIn, savesBetween } from './kept-run.js';
import type { Run } from './run.js';

/** Finished runs that are remembered, to tell a run that is over from one that never was. */
const MAX_FINISHED = 1_000;

/** The runs of the broker: those that go on, each beside what was saved of it, and the ids of those that are over. */
export class RunTable {
  readonly #make: (record: RunRecord) => Run;
  readonly #runs = new Map<RunId, Run>();
  /** As each run was when it was last saved. */
  readonly #saved = new Map<RunId, RunRecord>();
  readonly #finished = new Set<RunId>();
  readonly #orphans: readonly string[];

  /** @param saved what an earlier broker left */
  constructor(saved: Readonly<Record<string, unknown>>, make: (record: RunRecord) => Run) {
    this.#make = make;
    this.#orphans = orphansIn(saved);
    for (const record of runsIn(saved)) {
      this.admit(record);
      this.#saved.set(record.id, record);
    }
  }

  /** Keys of runs of which a crash left nothing else. */
  get orphans(): readonly string[] {
    return this.#orphans;
  }
  has(id: RunId): boolean {
    return this.#runs.has(id);
  }
  get(id: RunId): Run | undefined {
    return this.#runs.get(id);
  }
  all(): readonly Run[] {
    return [...this.#runs.values()];
  }
  /** Runs that are not finished, or whose end is not kept yet. */
  records(): readonly RunRecord[] {
    return this.all().map((run) => run.record);
  }
  isFinished(id: RunId): boolean {
    return this.#finished.has(id);
  }

  admit(record: RunRecord): Run {
    const run = this.#make(record);
    this.#runs.set(record.id, run);
    return run;
  }

  /** What has changed since this was last asked: what is to be saved, and what follows from it. */
  takeChanges(): { readonly saves: readonly ControllerEffect[]; readonly news: readonly ControllerEffect[] } {
    const saves: ControllerEffect[] = [];
    const news: ControllerEffect[] = [];
    for (const { id, record } of this.#runs.values()) {
      const before = this.#saved.get(id) ?? null;
      if (before === record) continue;
      saves.push(...savesBetween(before, record));
      if (isSeenChange(before, record)) news.push({ type: 'catalogue', info: infoOf(record) });
      news.push({ type: before === null ? 'open' : 'facts', run: record });
      this.#saved.set(id, record);
    }
    return { saves, news };
  }

  /** A run is over, and everything that it leaves is kept elsewhere. @returns what is to be deleted */
  close({ record }: Run): readonly ControllerEffect[] {
    this.#runs.delete(record.id);
    this.#saved.delete(record.id);
    this.#finished.add(record.id);
    for (const oldest of this.#finished) {
      if (this.#finished.size <= MAX_FINISHED) break;
      this.#finished.delete(oldest);
    }
    return deletesOf(record);
  }
}
