import type { OriginalMetadata, OriginalPage, OriginalQuery } from '../../original/original-results.js';
import type { HeardRows, RowGroup, RowStore, TakenRows } from '../rows/row-store.js';
import type { RowsQuestion } from './messages.js';
import type { ThreadLink } from './thread-link.js';

/** Rows of the original, kept in the store's thread. Groups are moved there, and come back when they are kept. */
export class ThreadRows implements RowStore {
  readonly #link: ThreadLink;

  constructor(link: ThreadLink) {
    this.#link = link;
  }

  take(group: RowGroup): TakenRows {
    const bytes = group.bytes.byteLength;
    this.#link.queue.add(bytes);
    let kept: Promise<unknown> = Promise.resolve();
    const heard = new Promise<HeardRows>((resolve, reject) => {
      const moved = group.bytes.buffer instanceof ArrayBuffer ? [group.bytes.buffer] : [];
      kept = this.#link
        .send((id) => ({ do: 'take', id, group }), moved, resolve)
        .finally(() => this.#link.queue.remove(bytes));
      kept.catch(reject);
    });
    return { heard, kept: kept as Promise<ArrayBufferLike> };
  }

  open(run: string, metadata: OriginalMetadata): Promise<void> {
    return this.#ask('open', run, metadata);
  }
  counts(run: string): Promise<Readonly<Record<string, number>>> {
    return this.#ask('counts', run);
  }
  urls(run: string): Promise<Readonly<Record<string, number>>> {
    return this.#ask('urls', run);
  }
  data(run: string, query: OriginalQuery): AsyncIterable<readonly string[]> {
    return this.#link.pages({ what: 'data', args: [run, query] }) as AsyncIterable<readonly string[]>;
  }
  errors(run: string, page: OriginalPage): AsyncIterable<readonly string[]> {
    return this.#link.pages({ what: 'errors', args: [run, page] }) as AsyncIterable<readonly string[]>;
  }
  metadata(run: string): Promise<OriginalMetadata> {
    return this.#ask('metadata', run);
  }
  updateMetadata(run: string, changes: OriginalMetadata): Promise<void> {
    return this.#ask('updateMetadata', run, changes);
  }
  runs(): Promise<readonly string[]> {
    return this.#ask('runs');
  }
  delete(run: string): Promise<void> {
    return this.#ask('delete', run);
  }
  summarise(run: string): Promise<void> {
    return this.#ask('summarise', run);
  }
  ended(run: string): Promise<void> {
    return this.#ask('ended', run);
  }
  flush(): Promise<void> {
    return this.#ask('flush');
  }
  async close(): Promise<void> {
    // The thread closes them together with everything else.
  }

  async #ask<W extends RowsQuestion>(
    what: W,
    ...args: Parameters<RowStore[W]>
  ): Promise<Awaited<ReturnType<RowStore[W]>>> {
    return (await this.#link.send((id) => ({ do: 'ask-rows', id, what, args }))) as Awaited<ReturnType<RowStore[W]>>;
  }
}
