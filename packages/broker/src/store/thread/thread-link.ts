import type { Worker } from 'node:worker_threads';
import { MusterError } from '@muster/protocol';
import { QueueMeter } from '../queue-meter.js';
import type { HeardRows } from '../rows/row-store.js';
import type { QueryPage, StoreHealth } from '../store.js';
import type { PagedQuestion, QueryArgs, ThreadNews, ThreadOrder } from './messages.js';

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: MusterError) => void;
  readonly heard?: (heard: HeardRows) => void;
}

/** Questions to the store's thread, and what waits there. */
export class ThreadLink {
  readonly queue: QueueMeter;
  readonly #worker: Worker;
  readonly #health: StoreHealth;
  readonly #pending = new Map<number, Pending>();
  readonly #gone: Promise<void>;
  #next = 0;
  #dead: MusterError | null = null;

  constructor(worker: Worker, health: StoreHealth, queueBytes: number) {
    this.#worker = worker;
    this.#health = health;
    this.queue = new QueueMeter(queueBytes);
    this.#gone = new Promise((resolve) => worker.once('exit', () => resolve()));
    worker.on('message', (news: ThreadNews) => this.#hear(news));
    worker.on('error', (thrown) => this.#die(MusterError.from(thrown, 'STORE_FAILED')));
    worker.once('exit', () => this.#die(new MusterError('CLOSED', 'the store is closed')));
  }

  /** @param moved memory that goes to the thread and is not here any more */
  send(
    order: (id: number) => ThreadOrder,
    moved: ArrayBuffer[] = [],
    heard?: (heard: HeardRows) => void,
  ): Promise<unknown> {
    if (this.#dead !== null) return Promise.reject(this.#dead);
    const id = this.#next;
    this.#next += 1;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, ...(heard === undefined ? {} : { heard }) });
      this.#worker.postMessage(order(id), moved);
    });
  }

  /** A page of a query, unless the signal gives it up. */
  async query(args: QueryArgs, signal: AbortSignal | undefined): Promise<QueryPage> {
    signal?.throwIfAborted();
    let giveUp = (): void => undefined;
    try {
      return (await this.send((id) => {
        giveUp = () => this.#giveUp(id, signal?.reason);
        signal?.addEventListener('abort', giveUp);
        return { do: 'query', id, args };
      })) as QueryPage;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** Nobody waits for it any more: what the thread still says of it is for nobody. */
  #giveUp(id: number, reason: unknown): void {
    this.#take(id)?.reject(MusterError.from(reason));
    const order: ThreadOrder = { do: 'give-up', id };
    if (this.#dead === null) this.#worker.postMessage(order);
  }

  /** A list, page by page. */
  async *pages(list: PagedQuestion): AsyncGenerator<unknown> {
    const cursor = this.#next;
    let over = false;
    try {
      for (;;) {
        const page = await this.send((id) => ({ do: 'page', id, cursor, list }));
        over = page === null;
        if (over) return;
        yield page;
      }
    } catch (thrown) {
      over = true;
      throw thrown;
    } finally {
      if (!over) await this.send((id) => ({ do: 'leave', id, cursor }));
    }
  }

  async close(): Promise<void> {
    if (this.#dead === null) await this.send((id) => ({ do: 'close', id }));
    await this.#gone;
  }

  #hear(news: ThreadNews): void {
    switch (news.news) {
      case 'heard':
        this.#pending.get(news.id)?.heard?.(news.heard);
        return;
      case 'answer':
        this.#take(news.id)?.resolve(news.result);
        return;
      case 'error':
        this.#take(news.id)?.reject(MusterError.fromWire(news.error));
        return;
      case 'failed':
        this.#health.failed(news.code, news.message);
        return;
      case 'recovered':
        this.#health.recovered();
        return;
      case 'ready':
        return;
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  /** The thread is gone: nothing that waits will be answered any more. */
  #die(error: MusterError): void {
    if (this.#dead === null && error.code !== 'CLOSED') this.#health.failed('STORE_FAILED', error.message);
    this.#dead ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.queue.clear();
  }
}
