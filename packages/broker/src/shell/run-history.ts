import type { RunId, RunInfo } from '@muster/protocol';
import type { RunNews } from '../controller/events.js';
import { infoOf, type RunRecord } from '../controller/run-record.js';
import { detailOf } from '../results/facts-of.js';
import type { Store, StoredEvent } from '../store/store.js';
import { untilDone } from '../store/until-done.js';

/** Events of a run that wait to be stored; beyond it the rest is only counted. */
const MAX_WAITING = 10_000;

/**
 * Keeps in the store how runs stand and what happened to them. What did not change is not written again, and one write
 * of a run is under way at a time: the latest state is what the next one writes.
 */
export class RunHistory {
  readonly #store: Store;
  readonly #failed: (what: string, thrown: unknown) => void;
  readonly #written = new Map<string, string>();
  readonly #wanted = new Map<string, RunInfo>();
  readonly #events = new Map<string, StoredEvent[]>();
  #writing: Promise<void> | null = null;

  constructor(store: Store, failed: (what: string, thrown: unknown) => void) {
    this.#store = store;
    this.#failed = failed;
  }

  /** How the run stands now. */
  note(info: RunInfo): void {
    const text = JSON.stringify(info);
    if (this.#written.get(info.id) === text) return;
    this.#written.set(info.id, text);
    this.#wanted.set(info.id, info);
    this.#begin();
  }

  /** The run is over: with it goes what late results will need. Resolves when that is on disk. */
  async conclude(record: RunRecord): Promise<void> {
    const info = infoOf(record);
    this.#written.set(record.id, JSON.stringify(info));
    this.#wanted.delete(record.id);
    await this.settled();
    await untilDone(
      () => this.#store.putRun({ info, detail: detailOf(record) }),
      (thrown) => this.#failed(`how run ${record.id} ended`, thrown),
    );
  }

  event(run: RunId, news: RunNews, at: string): void {
    if (news.kind === 'progress') return;
    this.add(run, {
      number: news.number,
      at,
      atMs: news.kind === 'note' ? news.atMs : null,
      kind: news.kind,
      text: news.kind === 'note' ? `${news.level}: ${news.text}` : `${news.state}: ${news.text}`,
    });
  }

  add(run: string, event: StoredEvent): void {
    const waiting = this.#events.get(run) ?? [];
    if (waiting.length < MAX_WAITING) this.#events.set(run, [...waiting, event]);
    this.#begin();
  }

  /** Resolves when everything is written that was given so far. */
  async settled(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  #begin(): void {
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#wanted.size > 0 || this.#events.size > 0) {
      const runs = [...this.#wanted.values()];
      const events = [...this.#events];
      this.#wanted.clear();
      this.#events.clear();
      await Promise.all([
        ...runs.map((info) => this.#attempt(`how run ${info.id} stands`, this.#store.putRun({ info, detail: null }))),
        ...events.map(([run, list]) => this.#attempt(`the history of run ${run}`, this.#store.addEvents(run, list))),
      ]);
    }
    this.#writing = null;
  }

  async #attempt(what: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (thrown) {
      this.#failed(what, thrown);
    }
  }
}
