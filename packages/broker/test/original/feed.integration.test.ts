import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeNative, OriginalFeed, OriginalSnapshot, readEvent, readResult, rowsOf } from '@muster/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as zmq from 'zeromq';
import { type Broker, startBroker } from '../../src/start-broker.js';
import { until } from '../peers.js';
import { OriginalAgent, OriginalClient, watchPublisher } from './original-peers.js';

type Rows = Extract<OriginalFeed, { kind: 'rows' | 'finished' }>;

let folder: string;
let broker: Broker;
let client: OriginalClient;
let agent: OriginalAgent;
let receiver: zmq.Push;
const closing: { close(): unknown }[] = [];
const kept = <T extends { close(): unknown }>(one: T): T => {
  closing.push(one);
  return one;
};

/** A native watcher in raw frames. */
class Feed {
  readonly heard: Rows[] = [];
  readonly live: string[] = [];
  readonly #socket = new zmq.Subscriber({ linger: 0, receiveHighWaterMark: 0 });

  constructor(...topics: string[]) {
    this.#socket.connect(broker.endpoints.events);
    this.#socket.subscribe(...topics);
    void this.#listen();
  }

  subscribe(topic: string): void {
    this.#socket.subscribe(topic);
  }
  unsubscribe(topic: string): void {
    this.#socket.unsubscribe(topic);
  }
  /** Resolves when the broker knows of every subscription made before. */
  async isLive(): Promise<void> {
    const topic = `live.${Math.random()}`;
    this.#socket.subscribe(topic);
    await until('the subscription', () => this.live.includes(topic));
  }
  async hearsNumber(number: number): Promise<void> {
    await until(`number ${number}`, () => (this.heard.at(-1)?.number ?? 0) >= number);
  }
  close(): void {
    this.#socket.close();
  }

  async #listen(): Promise<void> {
    for await (const frames of this.#socket) {
      const { topic, payload } = readEvent(frames);
      const message = decodeNative(OriginalFeed, payload);
      if (message.kind === 'live') this.live.push(topic);
      else this.heard.push(message);
    }
  }
}

const run = async (): Promise<string> =>
  ((await client.result('CTRL_RUN', { agents: 1, args: {} })) as { run_id: string }).run_id;
const snapshot = async (run_id: string): Promise<OriginalSnapshot> =>
  OriginalSnapshot.parse(await client.result('CTRL_SNAPSHOT', { run_id }));
const push = (row: object): Promise<void> => receiver.send(JSON.stringify(row));
const countsOf = (messages: readonly Rows[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const message of messages) {
    if (message.kind !== 'rows') continue;
    for (const { data_type, size } of rowsOf(readResult(message.body)).rows)
      counts[data_type] = (counts[data_type] ?? 0) + (typeof size === 'number' ? size : 1);
  }
  return counts;
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-feed-'));
  broker = await startBroker({ data: folder, frontend: 'tcp://127.0.0.1:*', logLevel: 'silent', pollMs: 100 });
  client = new OriginalClient(broker.endpoints.frontend);
  receiver = kept(new zmq.Push({ linger: 0 }));
  receiver.connect(broker.endpoints.receiver);
  agent = kept(new OriginalAgent(broker, 1));
  await agent.register();
  while (!(agent.id in ((await client.result('LIST')) as object)))
    await new Promise((resolve) => setTimeout(resolve, 5));
});
afterEach(async () => {
  client.close();
  for (const each of closing.splice(0)) each.close();
  await broker.close();
  await rm(folder, { recursive: true, force: true });
});

describe('rows of the original for native watchers', () => {
  it('are numbered, and a snapshot in the middle counts exactly those up to its number', async () => {
    const feed = kept(new Feed('original.'));
    await feed.isLive();
    const id = await run();
    const total = 1_000;
    const pushing = (async () => {
      for (let n = 0; n < total; n += 1) {
        const origin = { agent_id: agent.id, run_id: id };
        if (n % 3 === 0)
          await push({ data_type: 'batch', ...origin, counts: { startTest: [{}, {}], mine: [{ size: 3 }] } });
        // Without a run: it is its agent's.
        else if (n % 3 === 1) await push({ data_type: 'stopTest', agent_id: agent.id });
        else await push({ data_type: 'socket_message', size: n, ...origin });
      }
    })();
    const snapshots: OriginalSnapshot[] = [];
    for (let last = 0; last < total; ) {
      const taken = await snapshot(id);
      snapshots.push(taken);
      last = taken.number ?? 0;
    }
    await pushing;
    await feed.hearsNumber(total);
    expect(feed.heard.map(({ number }) => number)).toEqual(Array.from({ length: total }, (_, n) => n + 1));
    expect(feed.heard.every((each) => each.run === id && each.boot === snapshots[0]?.boot)).toBe(true);
    expect(snapshots.length).toBeGreaterThan(1);
    for (const { number, counts } of snapshots) expect(counts).toEqual(countsOf(feed.heard.slice(0, number ?? 0)));
    expect(snapshots.at(-1)?.active).toBe(true);
    agent.workers = {};
    await until('the end', () => feed.heard.at(-1)?.kind === 'finished');
    expect(await snapshot(id)).toMatchObject({ active: false, number: total + 1 });
  });

  it('change nothing for watchers of the original', async () => {
    const watcher = kept(watchPublisher(broker));
    const everything = kept(new Feed('original.'));
    await everything.isLive();
    const id = await run();
    const bodies = [1, 2, 3].map((n) => `{ "data_type":"x",  "agent_id": "${agent.id}", "run_id": "${id}", "n": ${n}}`);
    for (const body of bodies) await receiver.send(body);
    await everything.hearsNumber(3);
    agent.workers = {};
    const end = JSON.stringify({ data_type: 'run-finished', run_id: id });
    await until('the end', () => watcher.heard.at(-1) === end);
    expect(watcher.heard).toEqual([...bodies, end]);
    expect(everything.heard.flatMap((each) => (each.kind === 'rows' ? [String(Buffer.from(each.body))] : []))).toEqual(
      bodies,
    );
  });

  it('go only to those who have subscribed the run, and what nobody heard shows in the numbers', async () => {
    const id = await run();
    const topic = `original.${id}`;
    await push({ data_type: 'x', agent_id: agent.id, run_id: id });
    const counted = (n: number) =>
      (async () => {
        while (((await client.result('CTRL_GET_COUNTS', { run_id: id })) as { x?: number }).x !== n)
          await new Promise((resolve) => setTimeout(resolve, 5));
      })();
    await counted(1);
    const other = kept(new Feed('original.another', 'run.'));
    const feed = kept(new Feed(topic));
    await Promise.all([other.isLive(), feed.isLive()]);
    const first = await snapshot(id);
    expect(first.counts).toEqual({ x: 1 });
    await push({ data_type: 'x', agent_id: agent.id, run_id: id });
    await until('a row', () => feed.heard.length === 1);
    expect(feed.heard[0]?.number).toBe((first.number ?? 0) + 1);
    feed.unsubscribe(topic);
    await feed.isLive();
    await push({ data_type: 'x', agent_id: agent.id, run_id: id });
    await counted(3);
    feed.subscribe(topic);
    await feed.isLive();
    await push({ data_type: 'x', agent_id: agent.id, run_id: id });
    await until('a row', () => feed.heard.length === 2);
    // The third had no number: there is a gap.
    expect(feed.heard[1]?.number).toBe((feed.heard[0]?.number ?? 0) + 2);
    expect(await snapshot(id)).toMatchObject({ number: feed.heard[1]?.number, counts: { x: 4 } });
    expect(other.heard).toEqual([]);
  });

  it('have no number for a run that there is none of', async () => {
    expect(await snapshot('nothing')).toMatchObject({ active: false, counts: {}, number: 0 });
    expect((await client.ask('CTRL_SNAPSHOT')).error).toEqual([expect.stringContaining('run_id')]);
  });
});
