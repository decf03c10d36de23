import { type Frame, MusterError } from '@muster/protocol';
import type { HeardRows, RowGroup, RowStore } from '../../store/rows/row-store.js';
import type {
  OriginalMetadata,
  OriginalPage,
  OriginalPresence,
  OriginalQuery,
  OriginalResults,
} from '../original-results.js';
import { RowPacker } from './row-packer.js';

/** What results that are stored need of the broker around them. */
export interface StoredResultsPort {
  presence(): OriginalPresence | null;
  dropped(why: string): void;
  /** A promise holds the receiver back: too much waits to be stored. */
  room(): Promise<void> | undefined;
}

/**
 * Results of runs of the original, in the broker's store. Messages go there undecoded, many at a time; what the store finds
 * in them comes back: who sent them, and those whose run only the broker knows.
 */
export class StoredResults implements OriginalResults {
  readonly #rows: RowStore;
  readonly #port: StoredResultsPort;
  readonly #packer: RowPacker;
  readonly #reading = new Set<Promise<void>>();

  constructor(rows: RowStore, port: StoredResultsPort) {
    this.#rows = rows;
    this.#port = port;
    this.#packer = new RowPacker((group) => this.#send(group));
  }

  take(body: Frame): void | Promise<void> {
    this.#packer.add(body);
    return this.#port.room();
  }

  open(run: string, metadata: OriginalMetadata): Promise<void> {
    return this.#rows.open(run, metadata);
  }
  async counts(run: string): Promise<Readonly<Record<string, number>>> {
    await this.#sent();
    return await this.#rows.counts(run);
  }
  async urls(run: string): Promise<Readonly<Record<string, number>>> {
    await this.#sent();
    return await this.#rows.urls(run);
  }
  async *data(run: string, query: OriginalQuery): AsyncGenerator<readonly string[]> {
    await this.#sent();
    yield* this.#rows.data(run, query);
  }
  async *errors(run: string, page: OriginalPage): AsyncGenerator<readonly string[]> {
    await this.#sent();
    yield* this.#rows.errors(run, page);
  }
  async metadata(run: string): Promise<OriginalMetadata> {
    await this.#sent();
    return await this.#rows.metadata(run);
  }
  updateMetadata(run: string, changes: OriginalMetadata): Promise<void> {
    return this.#rows.updateMetadata(run, changes);
  }
  runs(): Promise<readonly string[]> {
    return this.#rows.runs();
  }
  async delete(run: string): Promise<void> {
    await this.#sent();
    await this.#rows.delete(run);
  }
  async summarise(run: string): Promise<void> {
    await this.#sent();
    await this.#rows.summarise(run);
  }
  async ended(run: string): Promise<void> {
    await this.#sent();
    await this.#rows.ended(run);
  }
  async flush(): Promise<void> {
    await this.#sent();
    await this.#rows.flush();
  }
  async ping(): Promise<boolean> {
    try {
      await this.#rows.runs();
      return true;
    } catch {
      return false;
    }
  }

  /** Everything that came so far is read, and what it lacked was added. */
  async #sent(): Promise<void> {
    this.#packer.flush();
    while (this.#reading.size > 0) {
      await Promise.all(this.#reading);
      this.#packer.flush();
    }
  }

  #send(group: RowGroup): Promise<ArrayBufferLike | null> {
    const { heard, kept } = this.#rows.take(group);
    const over = kept.catch((thrown) => {
      this.#port.dropped(`rows are lost: ${MusterError.from(thrown).message}`);
      return null;
    });
    const reading = heard.then(
      (found) => this.#heard(found),
      () => undefined,
    );
    const done = reading.finally(() => this.#reading.delete(done));
    this.#reading.add(done);
    return over;
  }

  #heard({ senders, homeless, dropped }: HeardRows): void {
    const presence = this.#port.presence();
    for (const why of dropped) this.#port.dropped(why);
    for (const { run, agent, hostname } of senders) presence?.sent(run, agent, hostname);
    for (const { agent, text } of homeless) {
      const run = presence?.runOf(agent) ?? null;
      if (run === null) this.#port.dropped('a row without a run');
      else this.#packer.add(Buffer.from(JSON.stringify({ ...(JSON.parse(text) as object), run_id: run })));
    }
  }
}
