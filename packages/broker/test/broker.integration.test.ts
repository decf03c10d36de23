import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PingResult, type RunId, type RunInfo, ShowResult, Snapshot, Summary } from '@muster/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../src/start-broker.js';
import { windowPayload } from './batches.js';
import { RawAgent, RawClient, until, watch } from './peers.js';

const BOOTS = ['0a'.repeat(16), '1b'.repeat(16), '2c'.repeat(16)] as const;
const BUNDLE = Buffer.from('export default async () => {};');
let folder: string;
let broker: Broker;
let client: RawClient;
const agents: RawAgent[] = [];

const start = () =>
  startBroker({ data: folder, frontend: 'tcp://127.0.0.1:*', logLevel: 'silent', prepareMs: 5_000, readyMs: 5_000 });
const agent = async (index: 0 | 1 | 2, run: string | null = null): Promise<RawAgent> => {
  const made = new RawAgent(broker, `node-${index}`, BOOTS[index]);
  agents.push(made);
  await made.hello(run);
  return made;
};
const submit = async (over: Record<string, unknown> = {}): Promise<string> => {
  const bundle = await client.upload(BUNDLE);
  const { run } = (await client.ask({ type: 'submit', bundle, name: 'shop.ts', ...over })) as { run: string };
  return run;
};
const finished = async (run: string): Promise<ShowResult> => {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const shown = ShowResult.parse(await client.ask({ type: 'show', run }));
    if (shown.run.state === 'finished') return shown;
    if (performance.now() > deadline) throw new Error(`run ${run} is still ${shown.run.state}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-broker-'));
  broker = await start();
  client = new RawClient(broker.endpoints.frontend);
});
afterEach(async () => {
  await client.close();
  await Promise.all(agents.splice(0).map((each) => each.close()));
  await broker.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a broker', () => {
  it('tells how it is', async () => {
    const ping = PingResult.parse(await client.ask({ type: 'ping' }));
    expect(ping.pid).toBe(process.pid);
    expect(ping.endpoints).toEqual(broker.endpoints);
    expect(ping.security).toEqual({ keys: false, loopbackOnly: true });
  });

  it('takes a run from its submission to its verdict, and keeps every figure', async () => {
    const [one, two] = [await agent(0), await agent(1)];
    const run = await submit({ agents: 2, observers: ['console'] });
    const watcher = watch(broker, run);
    const options = { vus: 2, duration: '2s', thresholds: { http_reqs: ['count>=10'], http_req_failed: ['rate<1'] } };
    await Promise.all([one.work(run, options), two.work(run, options)]);
    for (const second of [0, 1]) {
      one.second(run, second, 10);
      two.second(run, second, 5);
    }
    one.finish(run);
    two.finish(run);
    const shown = await finished(run);
    const summary = Summary.parse(shown.summary);
    expect(summary.metrics.http_reqs).toMatchObject({ type: 'counter', values: { count: 30 } });
    expect(summary.metrics.http_req_duration?.values).toMatchObject({ count: 30, min: 1, max: 1.009 });
    expect(summary.coverage).toMatchObject({
      complete: true,
      ratio: 1,
      gaps: [],
      rows: { measured: 30, stored: 30, thinned: 0 },
    });
    expect(summary.thresholds).toEqual([
      { metric: 'http_reqs', expression: 'count>=10', ok: true, value: 30, abortOnFail: false },
      { metric: 'http_req_failed', expression: 'rate<1', ok: false, value: null, abortOnFail: false },
    ]);
    expect(summary.run).toMatchObject({ verdict: 'failed', exitCode: 99, state: 'finished' });
    expect(summary.run.reason).toBe('threshold http_req_failed rate<1 failed: no data');
    expect(summary.run.agents.map(({ id, share, state }) => [id, share, state])).toEqual([
      [one.id, 0.5, 'ended'],
      [two.id, 0.5, 'ended'],
    ]);
    expect([one.acked(run), two.acked(run)]).toEqual([4, 4]);

    const runs = (await client.ask({ type: 'runs' })) as RunInfo[];
    expect(runs).toMatchObject([{ id: run, state: 'finished', verdict: 'failed', exitCode: 99 }]);
    const samples = (await client.ask({ type: 'query', run, table: 'samples', size: 100 })) as { total: number };
    expect(samples.total).toBe(30);
    expect(Snapshot.parse(await client.ask({ type: 'attach', run })).run.state).toBe('finished');

    await until('the last event', () =>
      watcher.events.some((each) => each.kind === 'state' && each.state === 'finished'),
    );
    await watcher.close();
    const history = (await client.ask({ type: 'query', run, table: 'events' })) as {
      columns: { name: string; values: string[] }[];
    };
    expect(history.columns.find(({ name }) => name === 'text')?.values).toContain('console: told');
  });

  it('checks thresholds against the metrics that any of its agents declares', async () => {
    const [one, two] = [await agent(0), await agent(1)];
    const run = await submit({ agents: 2 });
    const options = { iterations: 2, thresholds: { baskets: ['count>=0'] } };
    const baskets = { name: 'baskets', type: 'counter', isTime: false } as const;
    await Promise.all([one.work(run, options), two.work(run, options, [baskets])]);
    one.finish(run);
    two.finish(run);
    const { thresholds } = Summary.parse((await finished(run)).summary);
    expect(thresholds).toMatchObject([{ metric: 'baskets', expression: 'count>=0' }]);
  });

  it('refuses a metric that means one thing on one agent and another on the next', async () => {
    const [one, two] = [await agent(0), await agent(1)];
    const run = await submit({ agents: 2 });
    const declaring = (type: 'counter' | 'trend') => [{ name: 'basket', type, isTime: type === 'trend' }];
    void one.work(run, { iterations: 2 }, declaring('counter')).catch(() => undefined);
    await two.hears('prepare');
    await two.say({
      type: 'prepared',
      run: run as RunId,
      options: { iterations: 2 },
      functions: ['default'],
      metrics: declaring('trend'),
    });
    await two.hears('abort');
    for (const each of [one, two]) each.finish(run, 'aborted');
    const shown = await finished(run);
    expect(shown.run).toMatchObject({ verdict: 'errored', exitCode: 104 });
    expect(shown.run.reason).toMatch(/the metric "basket" is a (counter|trend of times) on .* and a .* on /);
  });

  it('tells each second how a run goes', async () => {
    const one = await agent(0);
    const run = await submit();
    const watcher = watch(broker, run);
    await one.work(run, { vus: 1, duration: '3s' });
    for (const second of [0, 1, 2]) one.second(run, second, 7);
    const progress = await until('progress', () =>
      watcher.events.find((each) => each.kind === 'progress' && each.progress.requests.count === 21),
    );
    if (progress.kind !== 'progress') throw new Error('no progress');
    expect(progress.progress).toMatchObject({
      run,
      state: 'running',
      plannedMs: 3_000,
      requests: { count: 21, rate: 7 },
      scenarios: [{ name: 'default', executor: 'constant-vus', vus: 1, maxVus: 1 }],
      agents: [{ id: one.id, state: 'running' }],
    });
    one.finish(run);
    await finished(run);
    await watcher.close();
    const numbers = watcher.events.map(({ number }) => number);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, n) => (numbers[0] ?? 0) + n));
  });

  it('asks for what is missing, acknowledges repeats, and stores everything once', async () => {
    const one = await agent(0);
    const run = await submit();
    await one.work(run, { vus: 1, duration: '2s' });
    const headers = [0, 1, 2].map(() => one.header(run));
    const send = (index: 0 | 1 | 2) => one.batch(headers[index] as (typeof headers)[0], windowPayload(index, 4));
    send(2);
    const resend = await one.hears('resend');
    expect(resend.from).toBe(0);
    send(0);
    send(0);
    send(1);
    await until('acknowledgement', () => one.acked(run) === 2);
    const before = one.heard.length;
    send(1);
    expect((await one.hears('ack', before)).upTo).toBe(2);
    one.finish(run);
    const summary = Summary.parse((await finished(run)).summary);
    expect(summary.metrics.http_reqs?.values.count).toBe(12);
  });

  it('names a batch that makes no sense as a gap, and goes on', async () => {
    const one = await agent(0);
    const run = await submit();
    await one.work(run, { vus: 1, duration: '2s' });
    one.batch(one.header(run), { second: 'first' });
    one.second(run, 1, 3);
    one.finish(run);
    const shown = await finished(run);
    const { coverage, run: ended } = Summary.parse(shown.summary);
    expect(coverage.complete).toBe(false);
    expect(coverage.ratio).toBe(0.5);
    expect(coverage.gaps).toMatchObject([{ agent: one.id, worker: 0, fromMs: 0, toMs: 1_000 }]);
    expect(ended).toMatchObject({ verdict: 'invalid', exitCode: 120 });
  });

  it('takes late results in: coverage and revision rise, the verdict stays', async () => {
    const [one, two] = [await agent(0), await agent(1)];
    const run = await submit({ agents: 2, settleMs: 100, minCoverage: 0 });
    await Promise.all([one, two].map((each) => each.work(run, { vus: 2, duration: '1s' })));
    one.second(run, 0, 10);
    one.finish(run);
    // The run settles for a tenth of a second only: on a busy machine that may be over before these are stored.
    await until('the first results to be stored', () => one.acked(run) === 2);
    two.say({ type: 'finished', run: run as never, outcome: 'done', streams: [] });
    const first = Summary.parse((await finished(run)).summary);
    expect(first.coverage.complete).toBe(false);
    expect(first.coverage.gaps).toMatchObject([{ agent: two.id, why: 'results still missing' }]);
    two.second(run, 0, 5);
    two.finish(run);
    await until('acknowledgement', () => two.acked(run) === 2);
    let later = first;
    await until('a revision', () => {
      void client.ask({ type: 'show', run }).then((shown) => {
        later = Summary.parse(ShowResult.parse(shown).summary);
      });
      return later.coverage.complete;
    });
    expect(later.revision).toBeGreaterThan(1);
    expect(later.metrics.http_reqs?.values.count).toBe(15);
    expect(later.run).toEqual(first.run);
  });

  it('stops a run for a threshold that aborts, and fails it', async () => {
    const one = await agent(0);
    const run = await submit();
    const threshold = { threshold: 'count<10', abortOnFail: true };
    await one.work(run, { vus: 1, duration: '60s', thresholds: { http_reqs: [threshold] } });
    one.second(run, 0, 50);
    expect((await one.hears('stop')).reason).toBe('threshold http_reqs count<10 failed: 50');
    one.finish(run);
    expect((await finished(run)).run).toMatchObject({
      verdict: 'failed',
      exitCode: 99,
      reason: 'threshold http_reqs count<10 failed: 50',
    });
  });

  it('hands out a bundle to an agent piece by piece', async () => {
    const one = await agent(0);
    const bytes = Buffer.alloc(300_000, 'x');
    const hash = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    for (let offset = 0; offset < bytes.length; offset += 262_144) {
      const data = bytes.subarray(offset, offset + 262_144);
      await client.ask({ type: 'bundle.put', hash, size: bytes.length, offset, data });
    }
    expect(await client.ask({ type: 'bundle.has', hash })).toEqual({ has: true });
    one.say({ type: 'bundle.get', id: 'p1', hash: hash as never, offset: 262_144 });
    const reply = await one.hears('reply');
    const { size, data } = reply.result as { size: number; data: Uint8Array };
    expect([size, data.byteLength]).toEqual([300_000, 300_000 - 262_144]);
  });

  it('ends with 122 a run that went on when the last broker ended, with what was stored', async () => {
    const one = await agent(0);
    const run = await submit({ settleMs: 100 });
    await one.work(run, { vus: 1, duration: '60s' });
    one.second(run, 0, 20);
    await until('acknowledgement', () => one.acked(run) === 1);
    await client.close();
    await one.close();
    const { endpoints } = broker;
    await broker.close();
    broker = await start();
    expect(broker.endpoints).toEqual(endpoints);
    client = new RawClient(broker.endpoints.frontend);
    // The same agent connects again, is told to end, and sends what the last broker did not acknowledge.
    const again = await agent(0, run);
    await again.hears('abort');
    again.second(run, 0, 20);
    again.finish(run, 'aborted');
    const shown = await finished(run);
    expect(shown.run).toMatchObject({ verdict: 'errored', exitCode: 122 });
    const summary = Summary.parse(shown.summary);
    expect(summary.metrics.http_reqs?.values.count).toBe(20);
    expect(summary.coverage.rows).toEqual({ measured: 20, stored: 20, thinned: 0 });
  });
});
