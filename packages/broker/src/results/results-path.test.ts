import { resolveOptions } from '@muster/plan';
import { type BatchHeader, encodeNative, Summary } from '@muster/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AGENT, headerOf, RUN, samplesPayload, windowPayload } from '../../test/batches.js';
import type { ControllerEvent } from '../controller/events.js';
import type { RunRecord } from '../controller/run-record.js';
import { MemoryBook, openMemoryStore } from '../store/memory-store.js';
import type { RunBook } from '../store/run-book.js';
import type { Store } from '../store/store.js';
import { ResultsPath } from './results-path.js';

const resolved = resolveOptions({ vus: 1, duration: '10s', thresholds: { http_reqs: ['count>0'] } });
if (!resolved.ok) throw new Error('the options are wrong');

/** A run that goes on since the instant 0, as far as the results path looks at it. */
const record = (over: Partial<RunRecord> = {}): RunRecord =>
  ({
    id: RUN,
    name: 'shop.ts',
    bundle: { hash: `sha256:${'0'.repeat(64)}`, size: 1 },
    seed: 1,
    observers: [],
    submittedAt: '2026-11-23T18:32:35.436Z',
    state: 'running',
    members: [
      {
        id: AGENT,
        node: 'one',
        hostname: 'host',
        pid: 1,
        version: '0.1.0',
        workers: 1,
        lost: false,
        failed: false,
        clockOffsetMs: null,
        clockBoundMs: null,
      },
    ],
    options: resolved.options,
    plans: [{ generation: 1, fromMs: 0, members: [AGENT] }],
    startAtMs: 0,
    startedAt: '2026-11-23T18:32:36.000Z',
    endedAt: null,
    durationMs: 0,
    verdict: null,
    exitCode: null,
    reason: null,
    events: [],
    env: { SECRET: 'x' },
    once: {},
    claims: {},
    ...over,
  }) as unknown as RunRecord;

interface Bench {
  readonly path: ResultsPath;
  readonly store: Store;
  readonly acks: number[];
  readonly resends: number[];
  readonly told: ControllerEvent[];
  readonly dropped: string[];
  nowMs: number;
}
const benchOf = (store: Store = openMemoryStore(), heldBytes = 1e7): Bench => {
  const bench: Omit<Bench, 'path'> = { store, acks: [], resends: [], told: [], dropped: [], nowMs: 1_000 };
  const path = new ResultsPath({
    store,
    maxSeries: 1_000,
    heldBytes,
    port: {
      ack: (_, __, upTo) => void bench.acks.push(upTo),
      resend: (_, __, from) => void bench.resends.push(from),
      tell: (event) => void bench.told.push(event),
      merged: () => undefined,
      dropped: (why) => void bench.dropped.push(why),
      failed: (what, error) => void bench.dropped.push(`${what}: ${error.message}`),
      now: () => bench.nowMs,
    },
  });
  return Object.assign(bench, { path });
};
const framesOf = (header: BatchHeader, payload: object) => [encodeNative(header), encodeNative(payload)];
/** Batch `number` of a stream of so many: windows and rows in turn, and the end. */
const batchOf = (number: number, count: number): Buffer[] => {
  if (number === count - 1)
    return framesOf(headerOf(number, { kind: 'end', last: true }), { outcome: 'done', gaps: [] });
  if (number % 2 === 0) return framesOf(headerOf(number), windowPayload(number / 2, 4));
  return framesOf(headerOf(number, { kind: 'samples' }), samplesPayload(4));
};
const turns = async (): Promise<void> => {
  for (let n = 0; n < 3; n += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe('the results path', () => {
  it('stores and merges every batch once, whatever is lost, repeated and out of order', async () => {
    const delivery = fc.record({ number: fc.nat(30), times: fc.integer({ min: 1, max: 2 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 15 }),
        fc.array(delivery, { maxLength: 60 }),
        fc.constantFrom(0, 1_500, 1e7),
        async (pairs, chaos, heldBytes) => {
          const count = pairs * 2 + 1;
          const bench = benchOf(openMemoryStore(), heldBytes);
          bench.nowMs = 100_000;
          bench.path.open(record());
          for (const { number, times } of chaos)
            for (let n = 0; n < times; n += 1) await bench.path.receive(batchOf(number % count, count));
          // The outbox sends again from what is acknowledged until everything is.
          for (let tries = 0; !bench.acks.includes(count - 1); tries += 1) {
            if (tries > 50) throw new Error('the stream never ends');
            const from = Math.max(-1, ...bench.acks) + 1;
            for (let number = from; number < count; number += 1) await bench.path.receive(batchOf(number, count));
            await new Promise((resolve) => setTimeout(resolve, 2));
          }
          await turns();
          expect(bench.told.filter((event) => event.type === 'stream.closed')).toHaveLength(1);
          const ended = record({ state: 'settling', durationMs: pairs * 1_000 });
          await bench.path.count(ended);
          expect(bench.told.find((event) => event.type === 'counted')).toMatchObject({
            counted: { coverage: 1, failedThreshold: null },
          });
          await bench.path.summarise({ ...ended, verdict: 'passed', exitCode: 0 });
          const summary = Summary.parse((await bench.store.summary(RUN))?.summary);
          expect(summary.metrics.http_reqs?.values.count).toBe(pairs * 4);
          expect(summary.coverage.rows).toEqual({ measured: pairs * 4, stored: pairs * 4, thinned: 0 });
          expect((await bench.store.query(RUN, 'samples', 0, 1)).total).toBe(pairs * 4);
          await bench.store.close();
        },
      ),
      { numRuns: 40 },
    );
  });

  it('acknowledges nothing before it is on disk', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    class SlowBook extends MemoryBook {
      override async commit(batches: Parameters<RunBook['commit']>[0]): Promise<void> {
        await held;
        await super.commit(batches);
      }
    }
    const bench = benchOf(openMemoryStore({ openBook: async () => new SlowBook() }));
    bench.path.open(record());
    await bench.path.receive(batchOf(0, 3));
    await turns();
    expect(bench.acks).toEqual([]);
    release();
    await expect.poll(() => bench.acks).toEqual([0]);
    await bench.store.close();
  });

  it('drops what belongs to no run of this broker, and what is no batch', async () => {
    const bench = benchOf();
    await bench.path.receive(batchOf(0, 3));
    await bench.path.receive([Buffer.from('{"data_type":"batch"}')]);
    await bench.path.receive([Buffer.from('x'), Buffer.from('y'), Buffer.from('z')]);
    const other = '01990000-0000-7000-8000-0000000000ff';
    await bench.path.receive(framesOf({ ...headerOf(0), run: other as never }, windowPayload(0, 1)));
    expect(bench.dropped).toHaveLength(4);
    expect(bench.acks).toEqual([]);
    await bench.store.close();
  });

  it('does not believe a window of another time', async () => {
    const bench = benchOf();
    bench.path.open(record());
    await bench.path.receive(framesOf(headerOf(0), windowPayload(1_000_000, 3)));
    await bench.path.count(record({ state: 'settling', durationMs: 1_000 }));
    expect(bench.told.at(-1)).toMatchObject({ type: 'counted', counted: { coverage: 0 } });
    await bench.store.close();
  });

  it('tells progress once a second, and a crossed threshold once', async () => {
    const strict = resolveOptions({
      vus: 1,
      duration: '10s',
      thresholds: { http_reqs: [{ threshold: 'count<5', abortOnFail: true, delayAbortEval: '2s' }] },
    });
    if (!strict.ok) throw new Error('the options are wrong');
    const bench = benchOf();
    bench.path.open(record({ options: strict.options }));
    await bench.path.receive(batchOf(0, 9));
    await bench.path.receive(batchOf(2, 9));
    await bench.path.receive(batchOf(1, 9));
    for (bench.nowMs = 0; bench.nowMs <= 4_500; bench.nowMs += 100) bench.path.tick();
    expect(bench.told.filter((event) => event.type === 'progress')).toHaveLength(4);
    expect(bench.told.filter((event) => event.type === 'threshold.crossed')).toEqual([
      { type: 'threshold.crossed', run: RUN, text: 'threshold http_reqs count<5 failed: 8' },
    ]);
    const crossed = bench.told.findIndex((event) => event.type === 'threshold.crossed');
    expect(bench.told.slice(0, crossed).filter((event) => event.type === 'progress')).toHaveLength(2);
    await bench.store.close();
  });

  it('takes a run up again from what was stored, and late results of one that is over', async () => {
    const store = openMemoryStore();
    const first = benchOf(store);
    first.path.open(record());
    for (const number of [0, 1]) await first.path.receive(batchOf(number, 5));
    await expect.poll(() => first.acks.at(-1)).toBe(1);
    const over = record({ state: 'finished', durationMs: 2_000, verdict: 'errored', exitCode: 122 });
    await first.path.summarise(over);
    await store.putRun({
      info: {
        id: RUN,
        name: 'shop.ts',
        state: 'finished',
        verdict: 'errored',
        exitCode: 122,
        reason: null,
        submittedAt: over.submittedAt,
        startedAt: null,
        endedAt: null,
        bundle: over.bundle.hash,
        agents: [],
      },
      detail: over,
    });

    const second = benchOf(store);
    for (const number of [0, 1, 2, 3, 4]) await second.path.receive(batchOf(number, 5));
    await expect.poll(() => second.acks.at(-1)).toBe(4);
    expect(second.acks.slice(0, 2)).toEqual([1, 1]);
    second.nowMs += 5_000;
    second.path.tick();
    await expect.poll(async () => (await store.summary(RUN))?.revision).toBe(2);
    const summary = Summary.parse((await store.summary(RUN))?.summary);
    expect(summary.metrics.http_reqs?.values.count).toBe(8);
    expect(summary.run).toMatchObject({ verdict: 'errored', exitCode: 122 });
    expect(summary.coverage.complete).toBe(true);
    await store.close();
  });
});
