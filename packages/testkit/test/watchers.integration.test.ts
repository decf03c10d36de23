import { connectOriginal, type OriginalEvent } from '@muster/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type * as zmq from 'zeromq';
import type { Agent } from './conformance/support/agent.js';
import { Stage, type Started } from './conformance/support/stage.js';
import { until } from './conformance/support/wait.js';

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(async () => {
  await stage.close();
});

/** What a reader of the SDK adds up. */
class Reader {
  counts: Record<string, number> = {};
  snapshots = 0;
  missed = 0;
  take(event: OriginalEvent): void {
    if (event.kind === 'snapshot') {
      this.counts = { ...event.counts };
      this.snapshots += 1;
      if (event.missed) this.missed += 1;
    } else if (event.kind === 'rows') {
      for (const { data_type: kind, size } of event.rows)
        this.counts[kind] = (this.counts[kind] ?? 0) + (typeof size === 'number' ? size : 1);
    }
  }
}

/** Pushes batches as fast as it can; the answer is what is in them. */
const pushRows = async (receiver: zmq.Push, { id }: Agent, { run_id }: Started, messages: number) => {
  const status = [1, 1, 1, 0];
  const counts = { startTest: Array(5).fill({ test: 't', loads_status: status }), mine: [{ size: 2 }, {}] };
  const body = JSON.stringify({ data_type: 'batch', agent_id: id, hostname: 'vm', run_id, counts });
  for (let n = 0; n < messages; n += 1) await receiver.send(body);
  return { startTest: 5 * messages, mine: 3 * messages };
};

describe('a watcher of a run of the original', () => {
  it('that joins in the middle has the totals of the broker, at the end exactly', async () => {
    const agent = await stage.agent();
    const [run, other] = [await stage.run(1), 'other'];
    const receiver = stage.push('receiver');
    await using client = await connectOriginal(stage.places.frontend ?? '');
    const half = await pushRows(receiver, agent, run, 500);
    // Those who join one after the other, while the run and another one go on.
    const readers = [0, 1, 2].map(() => new Reader());
    const watching: Promise<void>[] = [];
    const second = pushRows(receiver, agent, run, 1_500);
    for (const reader of readers) {
      watching.push(
        (async () => {
          for await (const event of client.watch({ run: run.run_id })) reader.take(event);
        })(),
      );
      await until('a snapshot', () => reader.snapshots > 0);
      await pushRows(receiver, agent, { ...run, run_id: other }, 10);
    }
    const rest = await second;
    await until(
      'all rows',
      async () => (await client.getCounts(run.run_id)).startTest === half.startTest + rest.startTest,
    );
    const counts = await client.getCounts(run.run_id);
    for (const reader of readers) await until('all rows', () => reader.counts.startTest === counts.startTest);
    agent.workers = {};
    await Promise.all(watching);
    expect(counts).toEqual({ startTest: 10_000, mine: 6_000 });
    for (const reader of readers) {
      expect(reader.counts).toEqual(counts);
      expect(reader.missed).toBe(0);
    }
  });

  it('that is too slow is told so, and has the totals of the broker all the same', async () => {
    const agent = await stage.agent();
    const run = await stage.run(1);
    const receiver = stage.push('receiver');
    await using client = await connectOriginal(stage.places.frontend ?? '');
    const reader = new Reader();
    const events = client.watch({ run: run.run_id });
    const first = await events.next();
    expect(first.value).toMatchObject({ kind: 'snapshot', counts: {}, exact: true });
    // More than is kept for whoever does not read.
    const sent = await pushRows(receiver, agent, run, 12_000);
    await until('all rows', async () => (await client.getCounts(run.run_id)).startTest === sent.startTest);
    agent.workers = {};
    for (let next = await events.next(); next.done !== true; next = await events.next()) reader.take(next.value);
    expect(reader.counts).toEqual(sent);
    expect(reader.missed).toBeGreaterThan(0);
  });

  it('hears from its first row on a run that begins after it began to watch', async () => {
    const agent = await stage.agent();
    await using client = await connectOriginal(stage.places.frontend ?? '');
    const reader = new Reader();
    const enough = new AbortController();
    let listening = false;
    const watching = (async () => {
      const options = {
        signal: enough.signal,
        onListening: () => {
          listening = true;
        },
      };
      for await (const event of client.watch(options)) {
        reader.take(event);
        if (event.kind === 'finished') enough.abort();
      }
    })();
    await until('the broker', () => listening);
    const run = await stage.run(1);
    const sent = await pushRows(stage.push('receiver'), agent, run, 50);
    await until('all rows', () => reader.counts.startTest === sent.startTest);
    agent.workers = {};
    await watching;
    expect(reader.counts).toEqual(sent);
    expect(reader.snapshots).toBe(0);
  });
});
