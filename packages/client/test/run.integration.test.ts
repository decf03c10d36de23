import { createHash, randomBytes } from 'node:crypto';
import type { ClientMessage } from '@muster/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import {
  FakeBroker as Fake,
  type FakeBroker,
  noteEvent,
  progressEvent,
  RUN,
  runInfo,
  SILENCE,
  snapshot,
  stateEvent,
} from './fake-broker.js';
import { collect, errorOf, Opened, SUMMARY } from './support.js';

const opened = new Opened();
afterEach(() => opened.close());

const BYTES = randomBytes(600_000);
const HASH = `sha256:${createHash('sha256').update(BYTES).digest('hex')}`;
const BUNDLE = { bytes: BYTES, hash: HASH, name: 'checkout.ts' };
const show = () => ({ run: runInfo('finished'), summary: SUMMARY, handleSummary: { stdout: 'done' } });

/** A broker that keeps bundles and starts runs. */
const keeper = (): {
  readonly pieces: Buffer[];
  readonly handlers: Record<string, (message: ClientMessage) => unknown>;
} => {
  const pieces: Buffer[] = [];
  const received = () => pieces.reduce((sum, piece) => sum + piece.length, 0);
  return {
    pieces,
    handlers: {
      'bundle.has': () => ({ has: received() === BYTES.length }),
      'bundle.put': (message) => {
        if (message.type === 'bundle.put' && message.offset === received()) pieces.push(Buffer.from(message.data));
        return { received: received() };
      },
      submit: () => ({ run: RUN, agents: [] }),
      attach: () => snapshot(0, 'running'),
      show,
    },
  };
};
/** Somebody listens, and has been told where the run stands. */
const watched = (broker: FakeBroker, asked = 2) =>
  broker.until(() => broker.subscriptions.includes(`run.${RUN}`) && broker.count('attach') >= asked);

describe('submitting', () => {
  it('uploads a bundle in pieces, one time', async () => {
    const { pieces, handlers } = keeper();
    const broker = await opened.broker({ handlers });
    const muster = await opened.muster(broker);
    const run = await muster.submit({ bundle: BUNDLE, options: { vus: 50 }, agents: 2, env: { A: 'b' } });
    expect(run.id).toBe(RUN);
    expect(pieces.map((piece) => piece.length)).toEqual([262_144, 262_144, 75_712]);
    expect(Buffer.concat(pieces).equals(BYTES)).toBe(true);
    expect(broker.asked.at(-1)).toMatchObject({
      type: 'submit',
      bundle: HASH,
      name: 'checkout.ts',
      options: { vus: 50 },
      agents: 2,
      env: { A: 'b' },
      raw: 'thinned',
      observers: [],
    });
    await muster.submit({ bundle: { bytes: BYTES } });
    expect(broker.count('bundle.put')).toBe(3);
    expect(broker.asked.at(-1)).toMatchObject({ bundle: HASH, name: 'test' });
  });

  it('goes on from where the broker is, whoever brought it there', async () => {
    const { pieces, handlers } = keeper();
    pieces.push(BYTES.subarray(0, 300_000));
    const broker = await opened.broker({ handlers });
    await (await opened.muster(broker)).submit({ bundle: BUNDLE });
    expect(Buffer.concat(pieces).equals(BYTES)).toBe(true);
  });

  it('gives up on a broker that takes nothing', async () => {
    const broker = await opened.broker({ handlers: { ...keeper().handlers, 'bundle.put': () => ({ received: 0 }) } });
    expect((await errorOf((await opened.muster(broker)).submit({ bundle: BUNDLE }))).code).toBe('STORE_FAILED');
  });

  it('refuses a bundle that is empty, too large or not what its hash says', async () => {
    const muster = await opened.muster(await opened.broker());
    const codes = await Promise.all(
      [new Uint8Array(0), new Uint8Array(64 * 1_024 * 1_024 + 1), BYTES.subarray(1)].map(
        async (bytes) => (await errorOf(muster.submit({ bundle: { ...BUNDLE, bytes } }))).code,
      ),
    );
    expect(codes).toEqual(['BUNDLE_CORRUPT', 'BUNDLE_TOO_LARGE', 'BUNDLE_CORRUPT']);
  });
});

describe('a followed run', () => {
  it('gives its progress to the end, then the summary', async () => {
    const broker = await opened.broker({ handlers: keeper().handlers });
    const muster = await opened.muster(broker);
    const run = muster.run({ bundle: BUNDLE });
    const numbers: number[] = [];
    const following = (async () => {
      for (;;) {
        const step = await run.next();
        if (step.done === true) return step.value;
        numbers.push(step.value.number);
      }
    })();
    await watched(broker, 1);
    broker.publish(progressEvent(1));
    broker.publish(noteEvent(2, 'an agent was lost'));
    broker.publish(progressEvent(3));
    broker.handlers.attach = () => snapshot(4, 'finished');
    broker.publish(stateEvent(4, 'finished'));
    expect((await following).run.verdict).toBe('failed');
    expect(numbers).toEqual([0, 1, 3]);
  });

  it('asks where it stands when an event was lost', async () => {
    const broker = await opened.broker({ handlers: keeper().handlers });
    const muster = await opened.muster(broker);
    const events = collect((await muster.attach(RUN)).events());
    await watched(broker);
    broker.publish(progressEvent(1));
    broker.handlers.attach = () =>
      snapshot(5, 'stopping', { notes: [{ atMs: 2_500, level: 'info', text: 'told to stop' }] });
    broker.publish(progressEvent(4));
    await broker.until(() => broker.count('attach') === 3);
    broker.publish(progressEvent(4));
    broker.publish(progressEvent(6));
    broker.publish(stateEvent(7, 'finished'));
    const seen = (await events).map((event) => `${event.number} ${event.kind === 'state' ? event.state : event.kind}`);
    expect(seen).toEqual([
      '0 progress',
      '0 running',
      '1 progress',
      '5 note',
      '5 progress',
      '5 stopping',
      '6 progress',
      '7 finished',
    ]);
  });

  it('ends although its last event is lost', async () => {
    const broker = await opened.broker({ handlers: keeper().handlers });
    const muster = await opened.muster(broker);
    const numbers = collect((await muster.attach(RUN)).progress());
    await watched(broker);
    broker.publish(progressEvent(1));
    broker.handlers.attach = () => snapshot(9, 'finished');
    expect((await numbers).map(({ number }) => number)).toEqual([0, 1, 9]);
  });

  it('goes on when the broker was restarted and publishes elsewhere', async () => {
    const first = await Fake.start({ handlers: keeper().handlers });
    const muster = await opened.muster(first);
    const numbers = collect((await muster.attach(RUN)).progress());
    await watched(first);
    await first.close();
    const second = await opened.broker({
      frontend: first.endpoint,
      handlers: { ...keeper().handlers, attach: () => snapshot(3, 'running') },
    });
    await watched(second, 1);
    second.publish(progressEvent(4));
    second.publish(stateEvent(5, 'finished'));
    expect((await numbers).map(({ number }) => number)).toEqual([0, 3, 4]);
  });

  it('is out of sight when the broker stays away', async () => {
    const broker = await opened.broker({ handlers: keeper().handlers });
    const muster = await opened.muster(broker, { timeoutMs: 300, patienceMs: 100 });
    const run = await muster.attach(RUN);
    broker.handlers.attach = () => SILENCE;
    expect((await errorOf(collect(run.progress()))).code).toBe('BROKER_LOST');
  });

  it('is left by its caller, by a closed connection, or out of the loop, and is not stopped', async () => {
    const broker = await opened.broker({ handlers: keeper().handlers });
    const muster = await opened.muster(broker);
    const run = await muster.attach(RUN);
    for await (const progress of run.progress()) {
      expect(progress.number).toBe(0);
      break;
    }
    const controller = new AbortController();
    const mine = errorOf(collect(run.progress({ signal: controller.signal })));
    const other = errorOf(run.summary());
    await watched(broker);
    controller.abort();
    expect((await mine).code).toBe('ABORTED');
    await muster.close();
    expect((await other).code).toBe('CLOSED');
    expect(broker.count('stop')).toBe(0);
  });

  it('is stopped on request', async () => {
    const broker = await opened.broker({ handlers: { ...keeper().handlers, stop: () => null } });
    const run = await (await opened.muster(broker)).attach(RUN);
    await run.stop({ reason: 'enough' });
    expect(broker.asked.at(-1)).toMatchObject({ type: 'stop', run: RUN, reason: 'enough', force: false });
    await run.stop();
    expect(broker.asked.at(-1)).toMatchObject({ reason: 'stopped by a client' });
  });

  it('has a summary as soon as the broker has it, and what the author made of it', async () => {
    const broker = await opened.broker({ handlers: { ...keeper().handlers, attach: () => snapshot(3, 'finished') } });
    let asked = 0;
    broker.handlers.show = () => {
      asked += 1;
      return asked < 3 ? { ...show(), summary: null, handleSummary: null } : show();
    };
    const muster = await opened.muster(broker);
    const run = await muster.attach(RUN);
    expect((await muster.show(RUN)).summary).toBeNull();
    expect(await run.summary()).toEqual(SUMMARY);
    expect(await run.handleSummary()).toEqual({ stdout: 'done' });
    expect((await muster.show(RUN)).summary).toEqual(SUMMARY);
  });
});
