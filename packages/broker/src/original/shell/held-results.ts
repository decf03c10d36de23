import { BOUNDS, type Frame, MusterError, OriginalRunId, ResultRow, readResult, rowsOf } from '@muster/protocol';
import type { JournalChange } from '../../journal/journal.js';
import type {
  OriginalMetadata,
  OriginalPage,
  OriginalPresence,
  OriginalQuery,
  OriginalResults,
} from '../original-results.js';

interface KeptRun {
  metadata: OriginalMetadata;
  readonly rows: ResultRow[];
  readonly counts: Map<string, number>;
  readonly urls: Map<string, number>;
}

const PIECE = 1_000;
/** Runs, kinds and URLs of a run that are held; beyond it the oldest run goes, and further names are not counted. */
const MAX_RUNS = 256;
const MAX_NAMES = 10_000;

/** What results that are held need of the broker around them. */
export interface HeldResultsPort {
  presence(): OriginalPresence | null;
  dropped(why: string): void;
  /** Keeps metadata over restarts. */
  save(change: JournalChange): Promise<void>;
}

const METADATA = 'original/metadata/';

/** Results of the original: metadata over restarts, rows and counts as long as the process. */
export class HeldResults implements OriginalResults {
  readonly #runs = new Map<string, KeptRun>();
  readonly #port: HeldResultsPort;

  constructor(port: HeldResultsPort, saved: Readonly<Record<string, unknown>> = {}) {
    this.#port = port;
    for (const [key, value] of Object.entries(saved))
      if (key.startsWith(METADATA)) this.#run(key.slice(METADATA.length)).metadata = value as OriginalMetadata;
  }

  async open(run: string, metadata: OriginalMetadata): Promise<void> {
    this.#run(run).metadata = metadata;
    await this.#save(run);
  }

  take(body: Frame): void {
    try {
      const message = readResult(body);
      const agent = message.agent_id === undefined ? null : String(message.agent_id);
      const { rows, bad } = rowsOf(message);
      if (bad > 0) this.#port.dropped(`${bad} rows that do not fit`);
      const mine = agent === null ? null : (this.#port.presence()?.runOf(agent) ?? null);
      const hostname = 'hostname' in message && typeof message.hostname === 'string' ? message.hostname : null;
      for (const row of rows) {
        const run = row.run_id ?? mine;
        if (run === null) this.#port.dropped('a row without a run');
        else if (!OriginalRunId.safeParse(run).success) this.#port.dropped('a row of a run whose id is none');
        else this.#add(run, { ...row, run_id: run });
      }
      const run = message.run_id ?? mine;
      if (agent !== null && run !== null && run !== undefined) this.#port.presence()?.sent(run, agent, hostname);
    } catch (thrown) {
      this.#port.dropped(MusterError.from(thrown).message);
    }
  }

  async counts(run: string): Promise<Readonly<Record<string, number>>> {
    return Object.fromEntries(this.#runs.get(run)?.counts ?? []);
  }
  async urls(run: string): Promise<Readonly<Record<string, number>>> {
    return Object.fromEntries(this.#runs.get(run)?.urls ?? []);
  }

  async *data(run: string, { dataType, groupby, start, size }: OriginalQuery): AsyncGenerator<readonly string[]> {
    const rows = (this.#runs.get(run)?.rows ?? []).filter((row) => dataType === null || row.data_type === dataType);
    yield* inPieces(page(groupby ? grouped(rows) : rows, { start, size }));
  }
  async *errors(run: string, wanted: OriginalPage): AsyncGenerator<readonly string[]> {
    const rows = this.#runs.get(run)?.rows ?? [];
    yield* inPieces(
      page(
        rows.filter(({ data_type }) => data_type === 'addError' || data_type === 'addFailure'),
        wanted,
      ),
    );
  }

  async metadata(run: string): Promise<OriginalMetadata> {
    return this.#runs.get(run)?.metadata ?? {};
  }
  async updateMetadata(run: string, changes: OriginalMetadata): Promise<void> {
    const kept = this.#run(run);
    kept.metadata = { ...kept.metadata, ...changes };
    await this.#save(run);
  }
  async runs(): Promise<readonly string[]> {
    return [...this.#runs.keys()];
  }
  async delete(run: string): Promise<void> {
    if (this.#runs.delete(run)) await this.#port.save({ key: `${METADATA}${run}`, value: undefined });
  }
  async summarise(run: string): Promise<void> {
    this.#runs.get(run)?.rows.splice(0);
  }
  async ended(): Promise<void> {
    await Promise.resolve();
  }
  async flush(): Promise<void> {
    await Promise.resolve();
  }
  async ping(): Promise<boolean> {
    return true;
  }

  #save(run: string): Promise<void> {
    return this.#port.save({ key: `${METADATA}${run}`, value: this.#run(run).metadata });
  }

  #run(id: string): KeptRun {
    const known = this.#runs.get(id);
    if (known !== undefined) return known;
    const made: KeptRun = { metadata: {}, rows: [], counts: new Map(), urls: new Map() };
    this.#runs.set(id, made);
    for (const [oldest, { metadata }] of this.#runs) {
      if (this.#runs.size <= MAX_RUNS) break;
      if (oldest === id || metadata.active === true) continue;
      void this.delete(oldest).catch((thrown) => this.#port.dropped(MusterError.from(thrown).message));
    }
    return made;
  }

  #add(id: string, row: ResultRow): void {
    const run = this.#run(id);
    if (run.rows.length < BOUNDS.queryRows) run.rows.push(row);
    // As in the original, a message of a web socket counts its bytes.
    const weight = typeof row.size === 'number' ? row.size : 1;
    count(run.counts, row.data_type, weight);
    if (typeof row.url === 'string') count(run.urls, row.url, 1);
    if (run.metadata.has_data === undefined) run.metadata = { ...run.metadata, has_data: 1 };
  }
}

const count = (counts: Map<string, number>, name: string, weight: number): void => {
  const before = counts.get(name);
  if (before !== undefined || counts.size < MAX_NAMES) counts.set(name, (before ?? 0) + weight);
};

const page = <T>(rows: readonly T[], { start, size }: OriginalPage): readonly T[] =>
  rows.slice(start, size === null ? undefined : start + size);

const grouped = (rows: readonly ResultRow[]): readonly ResultRow[] => {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const text = JSON.stringify(row);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [...counts].map(([text, count]) => ({ ...ResultRow.parse(JSON.parse(text)), count }));
};

function* inPieces(rows: readonly ResultRow[]): Generator<readonly string[]> {
  for (let at = 0; at < rows.length; at += PIECE) yield rows.slice(at, at + PIECE).map((row) => JSON.stringify(row));
}
