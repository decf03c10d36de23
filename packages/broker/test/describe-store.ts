import { SeriesSet } from '@muster/metrics';
import { type ErrorGroup, MusterError, type RunId } from '@muster/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReplayPage, RunRecord, Store } from '../src/store/store.js';
import { AGENT, batch, headerOf, RUN, samplesPayload, windowBatch, windowPayload } from './batches.js';
import { runInfoOf } from './run-info.js';

/** A store under test; `reopen` closes it and opens the same data again. */
export interface StoreUnderTest {
  readonly store: Store;
  reopen(): Promise<Store>;
  dispose(): Promise<void>;
}

const recordOf = (id: string, name = 'shop.ts'): RunRecord => ({
  info: runInfoOf(id, { name, agents: [AGENT] }),
  detail: { plans: [{ generation: 1 }] },
});

const replayed = async (store: Store, run = RUN): Promise<ReplayPage> => {
  const pages: ReplayPage[] = [];
  for await (const page of store.replay(run)) pages.push(page);
  return {
    series: pages.flatMap((page) => page.series),
    errors: pages.flatMap((page) => page.errors),
    seconds: pages.flatMap((page) => page.seconds),
    gaps: pages.flatMap((page) => page.gaps),
  };
};

/** What every store must do, whatever it is made of. */
export const describeStore = (name: string, make: () => Promise<StoreUnderTest>): void => {
  describe(`${name} store`, () => {
    let under: StoreUnderTest;
    let store: Store;
    beforeEach(async () => {
      under = await make();
      store = under.store;
    });
    afterEach(async () => {
      await under.dispose();
    });

    it('knows nothing of a run that it never saw', async () => {
      expect(await store.streams(RUN)).toEqual([]);
      expect(await store.run(RUN)).toBeNull();
      expect(await store.summary(RUN)).toBeNull();
      expect(await store.query(RUN, 'windows', 0, 10)).toMatchObject({ rows: 0, total: 0 });
    });

    it('keeps windows, and gives them back to be merged to the same figures', async () => {
      await Promise.all([0, 1, 2].map((number) => store.append(windowBatch(number, 10 + number))));
      store = await under.reopen();
      const { series, seconds } = await replayed(store);
      const merged = new SeriesSet();
      for (const { snapshot } of series) expect(merged.merge(snapshot)).toBe(true);
      expect(merged.counter('http_reqs', { scenario: 'default' }).sum).toBe(33);
      expect(merged.trend('http_req_duration', { scenario: 'default' }).histogram.count).toBe(33);
      expect(seconds.map(({ second, measured, kept }) => [second, measured, kept])).toEqual([
        [0, 10, 10],
        [1, 11, 11],
        [2, 12, 12],
      ]);
    });

    it('keeps how far each stream is, over a reopening', async () => {
      await store.append(windowBatch(0));
      await store.append(windowBatch(1, 3, { last: true }));
      store = await under.reopen();
      expect(await store.streams(RUN)).toEqual([
        { stream: headerOf(0).stream, agent: AGENT, highWater: 1, closed: true },
      ]);
    });

    it('stores a number once, however often it comes', async () => {
      await Promise.all([store.append(windowBatch(0)), store.append(windowBatch(1))]);
      await store.append(windowBatch(1));
      store = await under.reopen();
      await Promise.all([store.append(windowBatch(0)), store.append(windowBatch(1)), store.append(windowBatch(2))]);
      expect((await replayed(store)).seconds.map(({ second }) => second)).toEqual([0, 1, 2]);
    });

    it('keeps every column of every request', async () => {
      const rows = 5_000;
      await store.append(batch(headerOf(0, { kind: 'samples', worker: 3 }), samplesPayload(rows)));
      const first = await store.query(RUN, 'samples', 0, 3_000);
      const rest = await store.query(RUN, 'samples', 3_000, 3_000);
      expect([first.rows, rest.rows, first.total]).toEqual([3_000, 2_000, rows]);
      const column = (page: typeof first, of: string) => page.columns.find((each) => each.name === of)?.values ?? [];
      expect([...column(first, 'ended_us'), ...column(rest, 'ended_us')]).toEqual(
        Array.from({ length: rows }, (_, row) => row),
      );
      expect(column(first, 'name').slice(0, 3)).toEqual(['a', 'ü', 'a']);
      expect([...column(first, 'method'), ...column(rest, 'method')]).toEqual(Array.from({ length: rows }, () => 'ü'));
      expect(column(first, 'status')[0]).toBe(-1);
      expect(column(first, 'duration_us')[2_999]).toBe(2_999);
      expect(column(first, 'worker')[0]).toBe(3);
      expect(column(first, 'agent')[0]).toBe(AGENT);
    });

    it('does not carry out a query that is given up, and goes on with the others', async () => {
      const ending = new AbortController();
      const appended = store.append(batch(headerOf(0, { kind: 'samples' }), samplesPayload(5_000)));
      const pages = [ending.signal, undefined].map((signal) => store.query(RUN, 'samples', 0, 5_000, signal));
      const reason = new MusterError('ABORTED', 'nobody waits');
      ending.abort(reason);
      await expect(pages[0]).rejects.toBe(reason);
      await appended;
      await pages[1];
      expect(await store.query(RUN, 'samples', 0, 10)).toMatchObject({ rows: 10, total: 5_000 });
      await expect(store.query(RUN, 'samples', 0, 1, ending.signal)).rejects.toBe(reason);
    });

    it('keeps errors with the agent that saw them, and what an agent says is missing', async () => {
      const group: ErrorGroup = {
        code: 'ECONNRESET',
        message: 'reset "by" peer\u0000',
        where: null,
        scenario: 'default',
        count: 2,
        firstAtMs: 1.5,
        lastAtMs: 2.25,
      };
      const gap = { worker: 1, fromMs: 2_000, toMs: 2_700, why: 'worker died' };
      await store.append(batch(headerOf(0), windowPayload(0, 1, { errors: [group] })));
      await store.append(batch(headerOf(1, { kind: 'end', last: true }), { outcome: 'failed', gaps: [gap] }));
      const { errors, gaps } = await replayed(store);
      expect(errors).toEqual([{ agent: AGENT, group }]);
      expect(gaps).toEqual([{ agent: AGENT, ...gap }]);
      expect((await store.query(RUN, 'errors', 0, 10)).total).toBe(1);
    });

    it('names a batch that makes no sense and goes on behind it', async () => {
      const broken = await store.append({ header: headerOf(0), payload: Buffer.from('no messagepack') });
      expect(broken.hole).toContain('BAD_MESSAGE');
      const short = samplesPayload(10);
      const cut = await store.append(batch(headerOf(1, { kind: 'samples' }), { ...short, rows: 11 }));
      expect(cut.hole).toContain('for 11 rows');
      expect((await store.append(windowBatch(2))).hole).toBeNull();
      expect((await store.streams(RUN))[0]?.highWater).toBe(2);
    });

    it('keeps two runs apart', async () => {
      const other = '01990000-0000-7000-8000-000000000002' as RunId;
      await Promise.all([
        store.append(windowBatch(0, 5)),
        store.append(batch(headerOf(0, { run: other }), windowPayload(0, 7))),
      ]);
      expect((await replayed(store)).seconds.map((each) => each.measured)).toEqual([5]);
      expect((await replayed(store, other)).seconds.map((each) => each.measured)).toEqual([7]);
    });

    it('lists runs with the newest first, each as it was put last', async () => {
      const ids = [1, 2, 3].map((n) => `01990000-0000-7000-8000-00000000000${n}`);
      for (const id of ids) await store.putRun(recordOf(id));
      const ended = recordOf(ids[1] ?? '', 'renamed.ts');
      await store.putRun(ended);
      store = await under.reopen();
      expect((await store.runs(2)).map(({ info }) => [info.id, info.name])).toEqual([
        [ids[2], 'shop.ts'],
        [ids[1], 'renamed.ts'],
      ]);
      expect(await store.run(ids[1] ?? '')).toEqual(ended);
    });

    it('keeps the latest summary, and events', async () => {
      await store.putSummary(RUN, { revision: 1, summary: { metrics: {} }, handleSummary: null });
      await store.putSummary(RUN, { revision: 2, summary: { metrics: { a: 1 } }, handleSummary: { stdout: 'hi' } });
      await store.addEvents(RUN, [
        { number: 0, at: '2026-11-23T18:32:35.436Z', atMs: null, kind: 'state', text: 'queued' },
      ]);
      store = await under.reopen();
      expect(await store.summary(RUN)).toEqual({
        revision: 2,
        summary: { metrics: { a: 1 } },
        handleSummary: { stdout: 'hi' },
      });
      expect((await store.query(RUN, 'events', 0, 5)).columns.map(({ name, values }) => [name, values[0]])).toEqual([
        ['number', 0],
        ['at', '2026-11-23T18:32:35.436Z'],
        ['at_ms', null],
        ['kind', 'state'],
        ['text', 'queued'],
      ]);
    });

    it('opens a run again after it was released', async () => {
      await store.append(windowBatch(0));
      await store.release(RUN);
      await store.append(windowBatch(1));
      expect((await replayed(store)).seconds.length).toBe(2);
    });

    it('counts what waits, and is empty once all is durable', async () => {
      const appended = [0, 1, 2].map((number) => store.append(windowBatch(number)));
      expect(store.queuedBytes).toBeGreaterThan(0);
      await Promise.all(appended);
      await store.room();
      expect(store.queuedBytes).toBe(0);
    });

    it('takes nothing once it is closed', async () => {
      await store.close();
      await expect(store.append(windowBatch(0))).rejects.toMatchObject({ code: 'CLOSED' });
    });
  });
};
