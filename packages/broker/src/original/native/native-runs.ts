import type { RunRecord } from '../../controller/run-record.js';
import type { RunIntake } from '../../results/run-intake.js';
import type { QueryPage, QueryTable, QueryValue, Store } from '../../store/store.js';
import type { OriginalMetadata, OriginalPage, OriginalQuery, OriginalReader } from '../original-results.js';
import { excInfo, NativeLook, type NativeRow, type NativeSample } from './native-look.js';
import { nativeMetadata } from './native-metadata.js';
import { NativeTally, urlsOf } from './native-tally.js';

export interface NativeRunsPort {
  /** Runs that the controller knows, better than the store. */
  live(): readonly RunRecord[];
  readonly store: Pick<Store, 'run' | 'runs' | 'query'>;
  /** What is merged of a run. */
  look(run: string): Promise<RunIntake | null>;
}

/** Rows that are read at a time. */
const PIECE = 1_000;
/** Runs that are listed. */
const MAX_RUNS = 10_000;
/** Ids of ours are UUIDs of version 7; those that the original's side makes are of version 4. */
const OURS = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Where there are rows of which kind; the empty text stands for any. */
const TABLES_OF: Readonly<Record<string, readonly QueryTable[]>> = {
  '': ['samples', 'errors'],
  add_hit: ['samples'],
  addError: ['errors'],
};

/** Runs of ours, as the original's commands ask for them. */
export class NativeRuns {
  readonly #port: NativeRunsPort;

  constructor(port: NativeRunsPort) {
    this.#port = port;
  }

  /** A run of ours; null for any other. */
  async find(run: string): Promise<OriginalReader | null> {
    if (!OURS.test(run)) return null;
    const live = this.#port.live().find(({ id }) => id === run);
    const record = live ?? ((await this.#port.store.run(run))?.detail as RunRecord | null | undefined) ?? null;
    return record === null ? null : new NativeReader(record, this.#port);
  }

  /** Ids of all that are kept, oldest first. */
  async ids(): Promise<readonly string[]> {
    const stored = (await this.#port.store.runs(MAX_RUNS)).map(({ info }) => String(info.id));
    return [...new Set([...stored, ...this.#port.live().map(({ id }) => String(id))])].sort();
  }
}

/** What is kept of one run of ours. Counts and URLs are exact; rows are those that were kept. */
class NativeReader implements OriginalReader {
  readonly #record: RunRecord;
  readonly #port: NativeRunsPort;

  constructor(record: RunRecord, port: NativeRunsPort) {
    this.#record = record;
    this.#port = port;
  }

  async counts(run: string): Promise<Readonly<Record<string, number>>> {
    const intake = await this.#port.look(run);
    if (intake === null) return {};
    const tally = new NativeTally();
    tally.addAll(intake.results.series.totals);
    const { begun, ended } = intake.agents;
    return {
      ...(begun > 0 ? { startTestRun: begun } : {}),
      ...tally.counts(),
      ...(ended > 0 ? { stopTestRun: ended } : {}),
    };
  }

  async urls(run: string): Promise<Readonly<Record<string, number>>> {
    const intake = await this.#port.look(run);
    return intake === null ? {} : urlsOf(intake.results.series.totals);
  }

  async metadata(run: string): Promise<OriginalMetadata> {
    const intake = await this.#port.look(run);
    return nativeMetadata(this.#record, intake !== null && intake.results.batches > 0);
  }

  /** Requests that were kept, as hits, and failures, as errors; of other kinds there are no rows. */
  async *data(run: string, { dataType, groupby, start, size }: OriginalQuery): AsyncGenerator<readonly string[]> {
    const tables = TABLES_OF[dataType ?? ''] ?? [];
    if (groupby) yield* inPage(grouped(this.#joined(run, tables, { start: 0, size: null })), { start, size });
    else yield* this.#joined(run, tables, { start, size });
  }

  errors(run: string, page: OriginalPage): AsyncIterable<readonly string[]> {
    return this.#rows(run, 'errors', page);
  }

  /** Tables one after the other; only the rows of the page are read. */
  async *#joined(
    run: string,
    tables: readonly QueryTable[],
    { start, size }: OriginalPage,
  ): AsyncGenerator<readonly string[]> {
    let skip = start;
    let left = size;
    for (const table of tables) {
      const { total } = await this.#port.store.query(run, table, 0, 1);
      for await (const piece of this.#rows(run, table, { start: skip, size: left })) {
        yield piece;
        if (left !== null) left -= piece.length;
      }
      skip = Math.max(0, skip - total);
    }
  }

  async *#rows(run: string, table: QueryTable, { start, size }: OriginalPage): AsyncGenerator<readonly string[]> {
    const look = new NativeLook(this.#record);
    const end = size === null ? Number.POSITIVE_INFINITY : start + size;
    for (let at = start; at < end; ) {
      const page = await this.#port.store.query(run, table, at, Math.min(PIECE, end - at));
      if (page.rows === 0) return;
      yield recordsOf(page).map((record) => JSON.stringify(this.#row(look, table, record)));
      at += page.rows;
    }
  }

  #row(look: NativeLook, table: QueryTable, record: Readonly<Record<string, QueryValue>>): NativeRow {
    const origin = { agent_id: record.agent, run_id: this.#record.id };
    if (table === 'samples') return { data_type: 'add_hit', ...look.hit(record as unknown as NativeSample), ...origin };
    const scenario = String(record.scenario ?? '');
    return {
      data_type: 'addError',
      test: look.test(scenario),
      loads_status: look.status(scenario, 0, 0),
      exc_info: excInfo({
        code: String(record.code),
        message: String(record.message),
        where: record.where === null || record.where === undefined ? null : String(record.where),
      }),
      count: Number(record.count),
      ...origin,
    };
  }
}

/** The rows of a page as objects. */
function recordsOf({ rows, columns }: QueryPage): readonly Readonly<Record<string, QueryValue>>[] {
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(columns.map(({ name, values }) => [name, values[row] ?? null])),
  );
}

/** Leaves out what is before and behind a page. */
async function* inPage(
  pieces: AsyncIterable<readonly string[]>,
  { start, size }: OriginalPage,
): AsyncGenerator<readonly string[]> {
  const end = size === null ? Number.POSITIVE_INFINITY : start + size;
  let at = 0;
  for await (const piece of pieces) {
    if (at >= end) return;
    yield piece.slice(Math.max(0, start - at), Math.max(0, end - at));
    at += piece.length;
  }
}

/** Different rows that are told apart when equal ones are counted; of further ones nothing is said. */
const MAX_GROUPS = 100_000;

/** Equal rows as one, with a `count`. */
async function* grouped(pieces: AsyncIterable<readonly string[]>): AsyncGenerator<readonly string[]> {
  const counts = new Map<string, number>();
  for await (const piece of pieces) {
    for (const text of piece) {
      const before = counts.get(text);
      if (before !== undefined || counts.size < MAX_GROUPS) counts.set(text, (before ?? 0) + 1);
    }
  }
  const rows = [...counts].map(([text, count]) => {
    const row = JSON.parse(text) as { readonly count?: number };
    return JSON.stringify({ ...row, count: count * (row.count ?? 1) });
  });
  for (let at = 0; at < rows.length; at += PIECE) yield rows.slice(at, at + PIECE);
}
