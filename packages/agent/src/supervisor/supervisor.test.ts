import { BOUNDS, type BrokerMessage, decodeNative, EndPayload, type StreamId } from '@muster/protocol';
import { describe, expect, it } from 'vitest';
import { AGENT, BUNDLE, exitOf, loaded, OTHER_RUN, RUN, STREAM, Stage } from '../../test/support/stage.js';

const endOf = (stage: Stage, stream: StreamId = STREAM) => {
  const end = stage.kept.get(stream)?.at(-1);
  return end === undefined || end.header.kind !== 'end' ? null : decodeNative(EndPayload, end.payload);
};
const stop: BrokerMessage = { type: 'stop', run: RUN, reason: 'enough' };
const abort: BrokerMessage = { type: 'abort', run: RUN, reason: 'now' };
const forget: BrokerMessage = { type: 'forget', run: RUN };

describe('a run on an agent', () => {
  it('goes from prepare to slot.released, message by message', () => {
    const stage = new Stage().signedOn();
    expect(stage.view).toMatchObject({ link: 'up', run: null });
    stage.prepare();
    expect(stage.last('prepared')).toMatchObject({ run: RUN, functions: ['default'], options: { vus: 1 } });
    stage.plan(0);
    expect(stage.last('plan.ack')).toMatchObject({ generation: 0 });
    expect(stage.ordered('plan').map(({ worker }) => worker)).toEqual([0, 1]);
    expect(stage.last('ready')).toEqual({ type: 'ready', run: RUN });
    stage.plan(1);
    expect(stage.last('plan.ack')).toMatchObject({ generation: 1 });
    expect(stage.view.run).toEqual({ id: RUN, state: 'running', generation: 1 });
    stage.news(0, { type: 'started', atMs: 0.5 }).news(1, { type: 'started', atMs: 0.7 });
    expect(stage.sent('started')).toEqual([{ type: 'started', run: RUN, atMs: 0.5 }]);
    stage.window(0, 0, new Uint8Array([9])).window(1, 0);
    stage.news(0, { type: 'done', outcome: 'done' });
    expect(stage.sent('finished')).toEqual([]);
    stage.news(1, { type: 'done', outcome: 'done' });
    expect(stage.last('finished')).toMatchObject({ outcome: 'done', streams: [{ stream: STREAM, last: 3 }] });
    const batches = stage.kept.get(STREAM) ?? [];
    expect(batches.map(({ header }) => [header.number, header.kind, header.worker, header.last])).toEqual([
      [0, 'window', 0, false],
      [1, 'samples', 0, false],
      [2, 'window', 1, false],
      [3, 'end', 0, true],
    ]);
    expect(stage.pushed.map(({ header }) => header.number)).toEqual([0, 1, 2, 3]);
    stage.say({ type: 'ack', stream: STREAM, upTo: 3 });
    expect(stage.done('outbox.delete')).toEqual([{ type: 'outbox.delete', stream: STREAM }]);
    expect(stage.sent('slot.released')).toEqual([]);
    stage.say(forget);
    expect(stage.last('slot.released')).toEqual({ type: 'slot.released', run: RUN });
    expect(stage.view).toMatchObject({ run: null, heldBytes: 0 });
    stage.prepare(OTHER_RUN);
    expect(stage.last('prepared')).toMatchObject({ run: OTHER_RUN });
  });

  it('gives each worker its place, the plan with the start on this machine’s clock, and its share of the raw rows', () => {
    const stage = new Stage().prepared();
    const inits = stage.done('workers.start')[0]?.inits ?? [];
    expect(
      inits.map(({ worker, workers, rowsPerSecond, agent }) => [worker, workers, rowsPerSecond, agent.id]),
    ).toEqual([
      [0, 2, 2_500, AGENT],
      [1, 2, 2_500, AGENT],
    ]);
    const startAtMs = stage.nowMs + 5_500;
    stage.plan(0).plan(1, { startAtMs });
    expect(stage.ordered('plan').at(-1)?.order).toMatchObject({ generation: 1, startAt: stage.nowMs + 500 });
  });

  it('keeps its start once chosen, whatever the clock’s later estimates say', () => {
    const stage = new Stage().running();
    const first = stage.ordered('plan').at(-1)?.order;
    stage.say({
      type: 'beat',
      seq: 0,
      sentMs: stage.nowMs,
      receivedMs: stage.nowMs + 5_003,
      answeredMs: stage.nowMs + 5_003,
      grant: null,
    });
    stage.plan(2, { fromMs: 1_000 });
    expect(stage.ordered('plan').at(-1)?.order).toMatchObject({
      generation: 2,
      startAt: first?.type === 'plan' ? first.startAt : null,
    });
  });

  it('fetches a bundle that it does not have, piece by piece', () => {
    const stage = new Stage({ cached: false }).signedOn();
    const size = BOUNDS.bundleChunkBytes * 5 + 100;
    stage.prepare(RUN, { bundle: { hash: BUNDLE, size } });
    expect(stage.sent('bundle.get').map(({ offset }) => offset / BOUNDS.bundleChunkBytes)).toEqual([0, 1, 2, 3]);
    for (let n = 0; n < 6; n += 1) {
      const question = stage.sent('bundle.get')[n];
      const offset = question?.offset ?? 0;
      const data = Buffer.alloc(Math.min(BOUNDS.bundleChunkBytes, size - offset), n);
      stage.say({ type: 'reply', id: question?.id ?? '', result: { size, data } });
    }
    const stored = stage.done('bundle.store')[0]?.chunks ?? [];
    expect(stored.map((chunk) => [chunk.byteLength, chunk[0]])).toEqual([
      [BOUNDS.bundleChunkBytes, 0],
      [BOUNDS.bundleChunkBytes, 1],
      [BOUNDS.bundleChunkBytes, 2],
      [BOUNDS.bundleChunkBytes, 3],
      [BOUNDS.bundleChunkBytes, 4],
      [100, 5],
    ]);
    expect(stage.last('prepared').run).toBe(RUN);
  });

  it.each([
    ['the broker does not have', { error: { code: 'BUNDLE_UNKNOWN', message: 'no such bundle' } }, 'BUNDLE_UNKNOWN'],
    ['the broker cuts short', { result: { size: 10, data: Buffer.alloc(3) } }, 'BUNDLE_CORRUPT'],
    ['the broker answers with nonsense', { result: 'here' }, 'BUNDLE_CORRUPT'],
  ])('fails with a bundle that %s, and is fit for the next run', (_, answer, code) => {
    const stage = new Stage({ cached: false }).signedOn().prepare();
    stage.say({ type: 'reply', id: stage.last('bundle.get').id, ...answer });
    expect(stage.last('fault')).toMatchObject({ code, phase: 'prepare', fatal: true });
    expect(stage.last('finished')).toMatchObject({ outcome: 'failed', streams: [] });
    stage.say(forget);
    expect(stage.view.run).toBeNull();
  });

  it('says again what the broker does not react to: prepared, ready, finished', () => {
    const stage = new Stage().prepared().forgetEffects().advance(4_100);
    expect(stage.sent('prepared')).toHaveLength(2);
    stage.plan(0).forgetEffects().advance(4_100);
    expect(stage.sent('ready')).toHaveLength(2);
    stage.plan(1).news(0, { type: 'done', outcome: 'done' }).news(1, { type: 'done', outcome: 'done' });
    stage.forgetEffects().advance(4_100);
    expect(stage.sent('finished')).toHaveLength(2);
  });

  it('answers repeated orders as before, and does nothing twice', () => {
    const stage = new Stage().prepared().forgetEffects().prepare();
    expect(stage.effects.map((effect) => effect.type)).toEqual(['send']);
    expect(stage.sent('prepared')).toHaveLength(1);
    stage.plan(0).forgetEffects().plan(0);
    expect(stage.orders).toEqual([]);
    expect(stage.last('plan.ack').generation).toBe(0);
    stage.plan(1).forgetEffects().plan(1).plan(0);
    expect(stage.orders).toEqual([]);
    expect(stage.sent('plan.ack').map(({ generation }) => generation)).toEqual([1, 0]);
    stage.say(stop).forgetEffects().say(stop);
    expect(stage.orders).toEqual([]);
    stage.say(abort).say(forget).forgetEffects().say(forget);
    expect(stage.sent('slot.released')).toEqual([{ type: 'slot.released', run: RUN }]);
  });

  it('never begins a run again that it has done with, whatever comes late', () => {
    const stage = new Stage().finished().say(forget).forgetEffects();
    stage.prepare().plan(0).say(stop).say(abort);
    expect(stage.view.run).toBeNull();
    expect(stage.done('workers.start')).toEqual([]);
    expect(stage.sent('slot.released')).toHaveLength(4);
  });

  it('works for one run at a time', () => {
    const stage = new Stage().running().prepare(OTHER_RUN);
    expect(stage.last('fault')).toMatchObject({ run: OTHER_RUN, code: 'AGENT_BUSY', fatal: true });
    expect(stage.view.run).toMatchObject({ id: RUN, state: 'running' });
  });
});

describe('setup', () => {
  const functions = ['default', 'setup'];

  it('runs in worker 0 of the agent that is asked to make it; the value goes to all workers', () => {
    const stage = new Stage({ functions }).ready();
    expect(stage.last('once.get')).toMatchObject({ name: 'setup', run: RUN });
    expect(stage.ordered('data')).toEqual([]);
    stage.reply('once.get', { compute: true });
    expect(stage.ordered('call')).toEqual([
      { worker: 0, order: { type: 'call', fn: 'setup', data: undefined, timeoutMs: 60_000 } },
    ]);
    stage.news(0, { type: 'called', fn: 'setup', value: { token: 7 } });
    expect(stage.last('once.put')).toMatchObject({ name: 'setup', value: { token: 7 } });
    expect(stage.ordered('data')).toEqual([]);
    stage.reply('once.put', {});
    expect(stage.ordered('data').map(({ worker, order }) => [worker, order])).toEqual([
      [0, { type: 'data', data: { token: 7 } }],
      [1, { type: 'data', data: { token: 7 } }],
    ]);
    expect(stage.sent('ready')).toHaveLength(1);
  });

  it('takes the value that another agent made', () => {
    const stage = new Stage({ functions }).ready().reply('once.get', { compute: false, value: 'theirs' });
    expect(stage.ordered('call')).toEqual([]);
    expect(stage.ordered('data')[1]?.order).toEqual({ type: 'data', data: 'theirs' });
  });

  it('takes the broker’s word for whose value counts', () => {
    const stage = new Stage({ functions }).ready().reply('once.get', { compute: true });
    stage.news(0, { type: 'called', fn: 'setup', value: 'mine' }).reply('once.put', { compute: false, value: 'first' });
    expect(stage.ordered('data')[0]?.order).toEqual({ type: 'data', data: 'first' });
  });

  it('that throws is told with the author’s line, and ends the run on this agent', () => {
    const stage = new Stage({ functions }).ready().reply('once.get', { compute: true });
    const fault = { phase: 'setup', code: 'SETUP_FAILED', message: 'no login', where: 'test.ts:3:9' } as const;
    stage.news(0, { type: 'called', fn: 'setup', error: fault });
    expect(stage.last('once.put').error).toEqual({ code: 'SETUP_FAILED', message: 'no login', where: 'test.ts:3:9' });
    expect(stage.last('fault')).toMatchObject({ ...fault, fatal: true });
    expect(stage.last('finished')).toMatchObject({ outcome: 'failed', streams: [] });
  });

  it('whose value is too large for the wire fails as if it had thrown', () => {
    const stage = new Stage({ functions }).ready().reply('once.get', { compute: true });
    stage.news(0, { type: 'called', fn: 'setup', value: 'x'.repeat(10) });
    const message = stage.last('once.put');
    stage.event({ type: 'send.refused', message, code: 'MESSAGE_TOO_LARGE', why: 'it has 2000000 bytes' });
    expect(stage.last('once.put')).toMatchObject({ id: message.id, error: { code: 'SETUP_FAILED' } });
    expect(stage.last('once.put').value).toBeUndefined();
    expect(stage.last('fault')).toMatchObject({ phase: 'setup', code: 'SETUP_FAILED', fatal: true });
  });

  it('is asked for again under the same id while no answer comes, and on a new connection', () => {
    const stage = new Stage({ functions }).ready();
    const { id } = stage.last('once.get');
    stage.forgetEffects().advance(5_100);
    expect(stage.sent('once.get').map((question) => question.id)).toEqual([id]);
    stage.forgetEffects().event({ type: 'link.up' });
    expect(stage.sent('once.get').map((question) => question.id)).toEqual([id]);
  });
});

describe('the end of the load', () => {
  const functions = ['default', 'setup', 'teardown'];
  const toTeardown = (): Stage => {
    const stage = new Stage({ functions }).ready().reply('once.get', { compute: false, value: 'data' }).plan(1);
    return stage.news(0, { type: 'done', outcome: 'done' }).news(1, { type: 'done', outcome: 'done' });
  };

  it('waits for all agents, then runs teardown once with setup’s value', () => {
    const stage = toTeardown();
    expect(stage.last('barrier.arrive')).toMatchObject({ name: 'load-done' });
    stage.reply('barrier.arrive', { arrived: 2, lost: 0 });
    expect(stage.last('once.get')).toMatchObject({ name: 'teardown' });
    stage.reply('once.get', { compute: true });
    expect(stage.ordered('call').at(-1)).toEqual({
      worker: 0,
      order: { type: 'call', fn: 'teardown', data: 'data', timeoutMs: 60_000 },
    });
    expect(stage.sent('finished')).toEqual([]);
    stage.news(0, { type: 'called', fn: 'teardown' }).reply('once.put', {});
    expect(stage.last('finished')).toMatchObject({ outcome: 'done' });
  });

  it('leaves teardown to the agent that was first', () => {
    const stage = toTeardown().reply('barrier.arrive', { arrived: 2, lost: 0 });
    stage.reply('once.get', { compute: false });
    expect(stage.ordered('call')).toEqual([]);
    expect(stage.last('finished')).toMatchObject({ outcome: 'done' });
  });

  it('is told of a teardown that throws; the results stand', () => {
    const stage = toTeardown().reply('barrier.arrive', { arrived: 1, lost: 0 }).reply('once.get', { compute: true });
    const error = { phase: 'teardown', code: 'TEARDOWN_FAILED', message: 'no logout' } as const;
    stage.news(0, { type: 'called', fn: 'teardown', error });
    expect(stage.last('fault')).toMatchObject({ ...error, fatal: false });
    stage.reply('once.put', {});
    expect(stage.last('finished')).toMatchObject({ outcome: 'done' });
  });

  it('does not wait for ever for a broker that is gone', () => {
    const stage = toTeardown();
    stage.broker = null;
    stage.advance(59_000);
    expect(stage.view.run?.state).toBe('closing');
    stage.advance(2_000);
    expect(stage.view.run?.state).toBe('finished');
  });

  it('runs the author’s handleSummary with the broker’s summary', () => {
    const stage = new Stage({ functions: ['default', 'handleSummary'] }).finished();
    expect(stage.aliveWorkers).toBe(1);
    stage.say({ type: 'summarize', run: RUN, summary: { version: 1 } });
    expect(stage.ordered('call').at(-1)).toMatchObject({
      worker: 0,
      order: { fn: 'handleSummary', data: { version: 1 } },
    });
    stage.news(0, { type: 'called', fn: 'handleSummary', value: { 'out.txt': 'fine' } });
    expect(stage.last('once.put')).toMatchObject({ name: 'handleSummary', value: { 'out.txt': 'fine' } });
    stage.say(forget);
    expect(stage.view.run).toBeNull();
  });

  it('tells when the worker dies in handleSummary', () => {
    const stage = new Stage({ functions: ['default', 'handleSummary'] }).finished();
    stage.say({ type: 'summarize', run: RUN, summary: {} }).exit(0, exitOf('exit', { code: 3 }));
    expect(stage.last('once.put')).toMatchObject({ name: 'handleSummary', error: { code: 'SCRIPT_EXIT' } });
    expect(stage.last('fault')).toMatchObject({ phase: 'summary', fatal: false });
    stage.say({ type: 'summarize', run: RUN, summary: {} });
    expect(stage.last('once.put')).toMatchObject({ error: { code: 'WORKER_DIED' } });
  });
});

describe('stop and abort', () => {
  it('stop lets the workers finish, then goes the usual way', () => {
    const stage = new Stage().running().say(stop);
    expect(stage.ordered('stop').map(({ worker }) => worker)).toEqual([0, 1]);
    stage.window(0, 0).news(0, { type: 'done', outcome: 'stopped' }).news(1, { type: 'done', outcome: 'stopped' });
    expect(stage.last('finished')).toMatchObject({ outcome: 'stopped', streams: [{ last: 1 }] });
  });

  it('stop ends by the ladder what does not finish in its time', () => {
    const stage = new Stage();
    stage.running().say(stop);
    stage.advance(44_000);
    expect(stage.ordered('end')).toEqual([]);
    stage.advance(2_000);
    expect(stage.ordered('end')).toHaveLength(2);
    expect(stage.last('finished')).toMatchObject({ outcome: 'stopped' });
  });

  it('stop before the start ends the run without a stream', () => {
    const stage = new Stage().ready().say(stop);
    expect(stage.last('finished')).toMatchObject({ outcome: 'stopped', streams: [] });
    expect(stage.aliveWorkers).toBe(0);
  });

  it('abort asks, after 5 s sends SIGTERM, after 5 s more SIGKILL; what was sealed is sent', () => {
    const stage = new Stage().running();
    stage.mortal = false;
    stage.window(0, 0).say(abort);
    expect(stage.ordered('end')).toHaveLength(2);
    stage.advance(4_900);
    expect(stage.done('worker.signal')).toEqual([]);
    stage.window(1, 0).advance(200);
    expect(stage.done('worker.signal').map(({ signal }) => signal)).toEqual(['SIGTERM', 'SIGTERM']);
    expect(stage.sent('finished')).toEqual([]);
    stage.advance(5_000);
    expect(stage.done('worker.signal').at(-1)?.signal).toBe('SIGKILL');
    expect(stage.last('finished')).toMatchObject({ outcome: 'aborted', streams: [{ last: 2 }] });
    expect(endOf(stage)?.gaps.map(({ worker, fromMs }) => [worker, fromMs])).toEqual([
      [0, 1_000],
      [1, 1_000],
    ]);
  });

  it('forget in the middle ends everything and closes the stream', () => {
    const stage = new Stage().running().window(0, 0).say(forget);
    expect(stage.view.run).toBeNull();
    expect(endOf(stage)).toMatchObject({ outcome: 'aborted' });
    expect(stage.last('slot.released').run).toBe(RUN);
    expect(stage.sent('finished')).toEqual([]);
    expect(stage.last('beat').outboxBytes).toBe(0);
    stage.advance(500);
    expect(stage.last('beat').outboxBytes).toBeGreaterThan(0);
  });
});

describe('a worker that dies', () => {
  it.each([
    ['memory', 'SCRIPT_MEMORY'],
    ['hang', 'SCRIPT_HANG'],
    ['exit', 'SCRIPT_EXIT'],
    ['signal', 'WORKER_DIED'],
    ['start', 'WORKER_DIED'],
  ] as const)('by %s is reported as %s with the author’s line, and names the gap', (reason, code) => {
    const stage = new Stage().running().advance(2_500).window(1, 0).window(1, 1);
    stage.exit(1, exitOf(reason, { where: 'test.ts:4:2' }));
    expect(stage.last('fault')).toMatchObject({ code, phase: 'run', worker: 1, where: 'test.ts:4:2', fatal: true });
    expect(stage.ordered('end')).toEqual([{ worker: 0, order: { type: 'end' } }]);
    expect(stage.last('finished')).toMatchObject({ outcome: 'failed' });
    expect(endOf(stage)).toMatchObject({
      outcome: 'failed',
      gaps: [{ worker: 1, fromMs: 2_000, toMs: 2_500, why: exitOf(reason).message }],
    });
    stage.say(forget).prepare(OTHER_RUN).plan(0, { run: OTHER_RUN }).plan(1, { run: OTHER_RUN });
    expect(stage.view.run).toMatchObject({ id: OTHER_RUN, state: 'running' });
  });

  it('while it loads the bundle fails the run before it began', () => {
    const stage = new Stage();
    stage.obedient = false;
    stage.prepared().news(0, loaded()).exit(1, exitOf('memory'));
    expect(stage.last('fault')).toMatchObject({ code: 'SCRIPT_MEMORY', phase: 'prepare' });
    expect(stage.last('finished')).toMatchObject({ outcome: 'failed', streams: [] });
  });

  it('because its right to load was over does not break the run that goes on without it', () => {
    const stage = new Stage().running().exit(0, exitOf('lapsed'));
    expect(stage.last('fault')).toMatchObject({ code: 'BROKER_LOST', fatal: false });
    expect(stage.last('finished')).toMatchObject({ outcome: 'failed' });
  });

  it('after its own fatal fault is reported once, with its own words', () => {
    const fault = { phase: 'run', code: 'SCRIPT_EXIT', message: 'process.exit(3)', where: 'test.ts:9:1' } as const;
    const stage = new Stage().running();
    stage.mortal = false;
    stage
      .news(0, { type: 'fault', fault, fatal: true })
      .exit(0, exitOf('exit', { code: 1 }))
      .exit(1, exitOf('asked'));
    expect(stage.sent('fault')).toEqual([expect.objectContaining(fault), expect.objectContaining(fault)]);
    expect(stage.last('finished')).toMatchObject({ outcome: 'failed' });
  });

  it('after it was done takes nothing along', () => {
    const stage = new Stage().running().news(0, { type: 'done', outcome: 'done' }).exit(0, exitOf('asked'));
    expect(stage.view.run?.state).toBe('running');
    stage.news(1, { type: 'done', outcome: 'done' });
    expect(stage.last('finished')).toMatchObject({ outcome: 'done' });
    expect(endOf(stage)?.gaps).toEqual([]);
  });

  it('the fault of which got lost is told again with finished', () => {
    const stage = new Stage().running().exit(1, exitOf('hang')).forgetEffects().advance(2_100);
    expect(stage.effects.flatMap((effect) => (effect.type === 'send' ? [effect.message.type] : []))).toEqual(
      expect.arrayContaining(['fault', 'finished']),
    );
  });
});

describe('what workers ask and say', () => {
  it('claims go to the broker with what the agent has used for good, the answers to the worker that asked', () => {
    const stage = new Stage().running();
    const claim = { type: 'claim', name: 'iterations:x', mode: 'at-least-once', count: 10 } as const;
    stage.news(0, { ...claim, id: 4, confirmed: 0 });
    expect(stage.last('claim')).toMatchObject({ run: RUN, name: 'iterations:x', count: 10, confirmed: 0 });
    stage.reply('claim', { from: 0, count: 10, exhausted: false });
    expect(stage.ordered('reply')).toEqual([
      { worker: 0, order: { type: 'reply', id: 4, result: { from: 0, count: 10, exhausted: false } } },
    ]);
    stage.news(1, { ...claim, id: 9, confirmed: 0 }).reply('claim', { from: 10, count: 10, exhausted: false });
    stage.news(1, { ...claim, id: 10, confirmed: 10 });
    expect(stage.last('claim').confirmed).toBe(0);
    stage.news(0, { ...claim, id: 5, confirmed: 10 });
    expect(stage.last('claim').confirmed).toBe(20);
    stage.say({ type: 'reply', id: stage.last('claim').id, error: { code: 'RUN_OVER', message: 'over' } });
    expect(stage.ordered('reply').at(-1)).toEqual({
      worker: 0,
      order: { type: 'reply', id: 5, error: { code: 'RUN_OVER', message: 'over' } },
    });
  });

  it('a barrier is reached by the agent when all its workers are there', () => {
    const stage = new Stage().running().news(0, { type: 'barrier', id: 1, name: 'mid' });
    expect(stage.sent('barrier.arrive')).toEqual([]);
    stage.news(1, { type: 'barrier', id: 1, name: 'mid' }).reply('barrier.arrive', { arrived: 2, lost: 1 });
    expect(stage.ordered('reply')).toHaveLength(2);
  });

  it('values made once stand apart from the system’s own names', () => {
    const stage = new Stage().running().news(1, { type: 'once.get', id: 1, name: 'setup' });
    expect(stage.last('once.get').name).toBe('script:setup');
    stage.reply('once.get', { compute: true }).news(1, { type: 'once.put', id: 2, name: 'setup', value: 5 });
    expect(stage.last('once.put')).toMatchObject({ name: 'script:setup', value: 5 });
  });

  it('exec.test.abort is told as a fault, once; what follows the broker says', () => {
    const stage = new Stage().running().news(0, { type: 'abort', reason: 'seen enough' });
    stage.news(1, { type: 'abort', reason: 'me too' });
    expect(stage.sent('fault')).toEqual([
      expect.objectContaining({ code: 'TEST_ABORTED', message: 'seen enough', worker: 0 }),
    ]);
    expect(stage.view.run?.state).toBe('running');
    stage.say(stop).news(0, { type: 'done', outcome: 'stopped' }).news(1, { type: 'done', outcome: 'stopped' });
    expect(stage.last('finished')).toMatchObject({ outcome: 'stopped' });
  });

  it('lines of the author are bounded, and what was left out is counted', () => {
    const stage = new Stage().running();
    for (let n = 0; n < 150; n += 1) stage.news(0, { type: 'log', level: 'info', message: `line ${n}` });
    expect(stage.sent('log')).toHaveLength(100);
    stage.advance(1_000).news(0, { type: 'log', level: 'info', message: 'later' });
    expect(
      stage
        .sent('log')
        .slice(-2)
        .map(({ message }) => message),
    ).toEqual(['50 more lines were left out', 'later']);
  });

  it('beats tell the users, the longest delay and the outbox', () => {
    const stage = new Stage().running().news(0, { type: 'stats', vus: 3, lagMs: 12 });
    stage.news(1, { type: 'stats', vus: 4, lagMs: 2 }).event({ type: 'load', cpu: 1.5, rssBytes: 1e6, lagMs: 5 });
    stage.window(0, 0).advance(500);
    expect(stage.last('beat')).toMatchObject({ vus: 7, lagMs: 12, cpu: 1.5, rssBytes: 1e6 });
    expect(stage.last('beat').outboxBytes).toBeGreaterThan(0);
    stage.advance(500);
    expect(stage.last('beat').lagMs).toBe(0);
  });
});

describe('an agent that is to leave', () => {
  it('drained by the broker takes no further run', () => {
    const stage = new Stage().running().say({ type: 'drain' });
    expect(stage.view).toMatchObject({ service: 'draining', run: { state: 'running' } });
    stage.say(forget).prepare(OTHER_RUN);
    expect(stage.last('fault')).toMatchObject({ run: OTHER_RUN, code: 'AGENT_BUSY' });
    expect(stage.done('exit')).toEqual([]);
  });

  it('leaves at once when there is nothing to do', () => {
    expect(new Stage().signedOn().event({ type: 'quit' }).done('exit')).toEqual([{ type: 'exit', leftBytes: 0 }]);
    expect(new Stage().event({ type: 'start' }).event({ type: 'quit' }).done('exit')).toHaveLength(1);
  });

  it('stops its run gracefully, hands over its results, then leaves', () => {
    const stage = new Stage().running().window(0, 0).event({ type: 'quit' });
    expect(stage.ordered('stop')).toHaveLength(2);
    stage.news(0, { type: 'done', outcome: 'stopped' }).news(1, { type: 'done', outcome: 'stopped' });
    expect(stage.last('finished')).toMatchObject({ outcome: 'stopped' });
    expect(stage.aliveWorkers).toBe(0);
    expect(stage.done('exit')).toEqual([]);
    stage.say({ type: 'ack', stream: STREAM, upTo: 1 });
    expect(stage.done('exit')).toEqual([{ type: 'exit', leftBytes: 0 }]);
    expect(stage.forgetEffects().advance(10_000).effects).toEqual([]);
  });

  it('waits for acknowledgements so long and no longer', () => {
    const stage = new Stage().finished().event({ type: 'quit' });
    stage.advance(9_900);
    expect(stage.done('exit')).toEqual([]);
    stage.advance(200);
    expect(stage.done('exit')[0]?.leftBytes).toBeGreaterThan(0);
  });

  it('kills the run when it is told twice', () => {
    const stage = new Stage().running();
    stage.mortal = false;
    stage.event({ type: 'quit' }).event({ type: 'quit' });
    expect(stage.done('worker.signal').map(({ signal }) => signal)).toEqual(['SIGKILL', 'SIGKILL']);
    expect(stage.done('exit')).toHaveLength(1);
  });
});
