import { readFileSync } from 'node:fs';
import { type ConnectOptions, connect, type Muster, MusterError } from '@muster/client';
import type { Summary } from '@muster/protocol';
import { FakeBroker, type FakeOptions } from './fake-broker.js';

/** What a test opened, closed in the reverse order. */
export class Opened {
  readonly #closers: (() => Promise<void>)[] = [];

  async broker(options: FakeOptions = {}): Promise<FakeBroker> {
    const broker = await FakeBroker.start(options);
    this.#closers.push(() => broker.close());
    return broker;
  }

  async muster(broker: { readonly endpoint: string }, options: ConnectOptions = {}): Promise<Muster> {
    const muster = await connect(broker.endpoint, { timeoutMs: 20_000, ...options });
    this.#closers.push(() => muster.close());
    return muster;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

/** The error that a promise rejects with. */
export const errorOf = async (promise: Promise<unknown>): Promise<MusterError> => {
  try {
    await promise;
  } catch (thrown) {
    if (thrown instanceof MusterError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
};

export const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

export const SUMMARY = JSON.parse(
  readFileSync(new URL('../../protocol/test/summary.fixture.json', import.meta.url), 'utf8'),
) as Summary;
