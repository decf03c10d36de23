import type {
  GroupedRow,
  PieceInfo,
  RowGrouping,
  RowPiece,
  RowsBook,
  RowsCatalogue,
  RowsCommit,
  RowsEntry,
} from './rows-book.js';

/** One run of the original in memory. */
export class MemoryRows implements RowsBook {
  readonly #room: () => number;
  #written = 0;
  #pieces: RowPiece[] = [];
  #bytes = 0;
  readonly #counts = new Map<string, number>();
  readonly #urls = new Map<string, number>();
  readonly #errors: string[] = [];

  /** @param room bytes of rows that may still come; more are only counted */
  constructor(room: () => number) {
    this.#room = room;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async written(): Promise<number> {
    return this.#written;
  }
  async commit({ number, pieces, counts, urls, errors }: RowsCommit): Promise<void> {
    this.#written = number;
    for (const piece of pieces) {
      if (piece.bytes.byteLength > this.#room()) continue;
      this.#bytes += piece.bytes.byteLength;
      this.#pieces.push({ kinds: piece.kinds, bytes: Uint8Array.from(piece.bytes) });
    }
    for (const [kind, weight] of counts) this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + weight);
    for (const [url, hits] of urls) this.#urls.set(url, (this.#urls.get(url) ?? 0) + hits);
    this.#errors.push(...errors);
  }
  async counts(): Promise<ReadonlyMap<string, number>> {
    return this.#counts;
  }
  async urls(): Promise<ReadonlyMap<string, number>> {
    return this.#urls;
  }
  async index(after: number): Promise<readonly PieceInfo[]> {
    return this.#pieces.slice(after, after + 500).map(({ kinds }, index) => ({ number: after + index + 1, kinds }));
  }
  async piece(number: number): Promise<Uint8Array | null> {
    return this.#pieces[number - 1]?.bytes ?? null;
  }
  async errorCount(): Promise<number> {
    return this.#errors.length;
  }
  async errors(start: number, size: number): Promise<readonly string[]> {
    return this.#errors.slice(start, start + size);
  }
  async summarise(errors: AsyncIterable<readonly string[]>): Promise<void> {
    const kept: string[] = [];
    for await (const texts of errors) kept.push(...texts);
    this.#errors.push(...kept);
    this.#pieces = [];
    this.#bytes = 0;
  }
  async grouping(): Promise<RowGrouping> {
    const times = new Map<string, number>();
    return {
      add: async (texts) => {
        for (const text of texts) times.set(text, (times.get(text) ?? 0) + 1);
      },
      page: async (start, size): Promise<readonly GroupedRow[]> =>
        [...times].slice(start, start + size).map(([text, count]) => ({ text, count })),
      close: async () => times.clear(),
    };
  }
  async close(): Promise<void> {
    // Nothing is held open.
  }
}

/** The catalogue of these. */
export class MemoryRowsCatalogue implements RowsCatalogue {
  readonly #entries = new Map<string, RowsEntry>();

  async all(): ReturnType<RowsCatalogue['all']> {
    return [...this.#entries.values()].map(({ metadata, ...entry }) => ({
      ...entry,
      active: metadata.active === true,
    }));
  }
  async put(entry: RowsEntry): Promise<void> {
    this.#entries.set(entry.id, entry);
  }
  async get(id: string): Promise<RowsEntry | null> {
    return this.#entries.get(id) ?? null;
  }
  async delete(id: string): Promise<void> {
    this.#entries.delete(id);
  }
}
