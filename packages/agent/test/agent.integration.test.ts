import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Agent, type AgentOptions, inspectBundle, startAgent } from '@muster/agent';
import {
  BOUNDS,
  decodeNative,
  EndPayload,
  EVERY_WORKER,
  type MusterError,
  type RunId,
  runOfStream,
  streamId,
  unpackNative,
  WindowPayload,
} from '@muster/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Program, startProgram } from './support/agent-program.js';
import { FakeBroker, type FakeBrokerOptions } from './support/fake-broker.js';

const HEAD = '// muster-bundle {"format":1,"script":"0.2.0","name":"test.ts"}\n';
/** Five iterations by two users. */
const SHORT = `${HEAD}export const options = { scenarios: { s: { executor: 'per-vu-iterations', vus: 2, iterations: 5 } } };
export default async () => {};\n`;
/** Goes on until it is stopped. */
const LONG = `${HEAD}export const options = { vus: 2, duration: '10m' };
export default async () => { await new Promise((resolve) => setTimeout(resolve, 20)); };\n`;

let count = 0;
const newRun = (): RunId => {
  count += 1;
  return `01900000-0000-7000-8000-${String(count).padStart(12, '0')}` as RunId;
};

let folder: string;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-agent-test-'));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

const openBroker = async (options: FakeBrokerOptions = {}): Promise<FakeBroker> => {
  const broker = await FakeBroker.open(options);
  closers.push(() => broker.close());
  return broker;
};
const openAgent = async (broker: FakeBroker, options: AgentOptions = {}): Promise<Agent> => {
  const agent = await startAgent({
    broker: broker.endpoints.frontend,
    data: join(folder, 'data'),
    node: 'node',
    workers: 2,
    logLevel: 'silent',
    flushMs: 0,
    ...options,
  });
  closers.push(() => Promise.race([agent.close(), agent.closed]));
  return agent;
};

/** `muster-agent` as a process. */
const program = (broker: FakeBroker, argv: readonly string[] = []): Program => {
  const common = ['--broker', broker.endpoints.frontend, '--data', join(folder, 'data'), '--node', 'node'];
  const started = startProgram([...common, '--workers', '1', ...argv]);
  closers.push(started.kill);
  return started;
};

const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};
/** Waits for what no message tells of. */
const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
};

describe('an agent and a broker, over real sockets', () => {
  it('signs on, beats, and knows the broker’s clock within its bound', async () => {
    const broker = await openBroker();
    const agent = await openAgent(broker);
    const hello = await broker.message('hello');
    expect(hello).toMatchObject({ node: 'node', run: null, streams: [], workers: 2, pid: process.pid });
    expect(await broker.agent()).toBe(agent.id);
    const beat = await broker.message('beat', 8);
    // One machine, one monotonic clock: the truth is 0.
    expect(Math.abs(beat.clock?.offsetMs ?? Number.NaN)).toBeLessThanOrEqual(beat.clock?.boundMs ?? 0);
    expect(beat.rssBytes).toBeGreaterThan(0);
    await agent.close();
  });

  it('goes through a run with real workers, then through another with the bundle from its cache', async () => {
    const broker = await openBroker();
    const agent = await openAgent(broker);
    for (let n = 0; n < 2; n += 1) {
      const run = newRun();
      await broker.start(agent.id, run, SHORT);
      const finished = await broker.about('finished', run);
      const stream = streamId((await broker.message('hello')).boot, run);
      expect(finished).toMatchObject({ outcome: 'done', streams: [{ stream }] });
      await broker.until(() => broker.stream(stream).some(({ header }) => header.last));
      const batches = broker.stream(stream);
      expect(batches.map(({ header }) => header.number)).toEqual(batches.map((_, n) => n));
      expect(finished.streams[0]?.last).toBe(batches.length - 1);
      const windows = batches.filter(({ header }) => header.kind === 'window');
      expect([...new Set(windows.map(({ header }) => header.worker))].sort()).toEqual([0, 1]);
      for (const { payload } of windows) decodeNative(WindowPayload, payload, BOUNDS.resultBytes);
      expect(decodeNative(EndPayload, batches.at(-1)?.payload ?? Buffer.alloc(0))).toEqual({
        outcome: 'done',
        gaps: [],
      });
      broker.say(agent.id, { type: 'forget', run });
      await broker.about('slot.released', run);
      expect(broker.all('bundle.get')).toHaveLength(1);
    }
    await until(async () => (await readdir(join(folder, 'data', 'outbox'))).length === 0);
    expect(await readdir(join(folder, 'data', 'bundles'))).toHaveLength(1);
  });

  it('finds a broker that was restarted, names its run and sends what was not acknowledged', async () => {
    const first = await openBroker();
    first.acks = false;
    const agent = await openAgent(first);
    const run = newRun();
    await first.start(agent.id, run, LONG);
    await first.until(() => first.batches.length >= 2);
    await first.close();
    const second = await openBroker({ at: first.endpoints });
    const hello = await second.message('hello');
    expect(hello.run).toEqual({ run, generation: 1 });
    const [tail] = hello.streams;
    expect(tail?.last).toBeGreaterThanOrEqual(1);
    await second.until(() => second.stream(tail?.stream ?? '').length > (tail?.last ?? 0));
    expect(second.stream(tail?.stream ?? '').map(({ header }) => header.number)).toEqual(
      second.stream(tail?.stream ?? '').map((_, n) => n),
    );
    second.say(agent.id, { type: 'forget', run });
    await second.about('slot.released', run);
    await second.until(() => second.stream(tail?.stream ?? '').some(({ header }) => header.last));
  });

  it('keeps looking for a broker that is not there yet', async () => {
    const before = await openBroker();
    await before.close();
    const agent = await openAgent(before);
    const broker = await openBroker({ at: before.endpoints });
    expect(await broker.agent()).toBe(agent.id);
  });

  it('asks on when what answers is no broker that it can join, and takes one of ours in its place', async () => {
    const original = await openBroker({ original: true });
    const agent = await openAgent(original);
    await until(() => agent.view !== null);
    await original.close();
    const broker = await openBroker({ at: original.endpoints });
    expect(await broker.agent()).toBe(agent.id);
    expect(original.heard).toEqual([]);
  });

  it('drops what is no message, and lives on', async () => {
    const broker = await openBroker();
    const agent = await openAgent(broker);
    await broker.agent();
    const route = Buffer.from(agent.id, 'latin1');
    for (const bytes of [Buffer.alloc(0), Buffer.from('{}'), Buffer.from([0x81]), Buffer.from([0x81, 0xa1, 0x61, 1])])
      broker.raw(agent.id, bytes);
    broker.frames([route, Buffer.from('one')]);
    broker.frames([route]);
    const beats = broker.all('beat').length;
    await broker.message('beat', beats + 1);
    expect(agent.view?.link).toBe('up');
  });
});

describe('a test that misbehaves', () => {
  const failing = async (text: string, options: AgentOptions = {}) => {
    const broker = await openBroker();
    const agent = await openAgent(broker, { workers: 1, ...options });
    const run = newRun();
    const bundle = broker.addBundle(text);
    if (text.includes('// at load')) await broker.prepare(agent.id, run, bundle);
    else await broker.start(agent.id, run, text);
    const fault = await broker.about('fault', run);
    const finished = await broker.about('finished', run);
    broker.say(agent.id, { type: 'forget', run });
    await broker.about('slot.released', run);
    const next = newRun();
    await broker.start(agent.id, next, SHORT);
    expect(await broker.about('finished', next)).toMatchObject({ outcome: 'done' });
    return { fault, finished };
  };

  it('by throwing while it is loaded', async () => {
    const { fault, finished } = await failing(`${HEAD}// at load\nthrow new Error('not today');\n`);
    expect(fault).toMatchObject({ phase: 'prepare', fatal: true, message: expect.stringContaining('not today') });
    expect(finished).toMatchObject({ outcome: 'failed', streams: [] });
  });

  it('by calling process.exit', async () => {
    const { fault, finished } = await failing(
      `${HEAD}export const options = { vus: 1, duration: '1m' };\nexport default async () => process.exit(3);\n`,
    );
    expect(fault).toMatchObject({ code: 'SCRIPT_EXIT', fatal: true });
    expect(finished.outcome).toBe('failed');
  });

  it('by never yielding', async () => {
    const { fault, finished } = await failing(
      `${HEAD}export const options = { vus: 1, duration: '1m' };\nexport default async () => { for (;;); };\n`,
      { hangMs: 500 },
    );
    expect(fault).toMatchObject({ code: 'SCRIPT_HANG', phase: 'run', fatal: true });
    expect(finished.outcome).toBe('failed');
  });

  it('by allocating without end', async () => {
    const { fault, finished } = await failing(
      `${HEAD}export const options = { vus: 1, duration: '1m' };
const all = [];
export default async () => { for (let n = 0; n < 100; n += 1) all.push(new Array(10_000).fill(n)); };\n`,
      { maxMemoryMiB: 64 },
    );
    expect(fault).toMatchObject({ code: 'SCRIPT_MEMORY', phase: 'run', fatal: true });
    expect(finished.outcome).toBe('failed');
  });

  it('is looked at without being run', async () => {
    const bundle = (text: string) => ({ bytes: Buffer.from(text), name: 'test.ts' });
    expect(await inspectBundle(bundle(SHORT), {})).toMatchObject({
      ok: true,
      scenarios: [{ name: 's', executor: 'per-vu-iterations', maxVus: 2, endMs: null }],
    });
    const wrong = `${HEAD}export const options = { vus: -1, duration: 'soon' };\nexport default async () => {};\n`;
    expect(await inspectBundle(bundle(wrong), {})).toMatchObject({ ok: false });
    const fault = await inspectBundle(bundle(`${HEAD}throw new Error(__ENV.WHY);\n`), { WHY: 'because' }).catch(
      (thrown: MusterError) => thrown,
    );
    expect(fault).toMatchObject({ code: 'SCRIPT_EXCEPTION', message: expect.stringContaining('because') });
  });
});

describe('muster-agent, the program', () => {
  it('leaves with 0 on SIGTERM, its run stopped and its results handed over', async () => {
    const broker = await openBroker();
    const agent = program(broker);
    const id = await broker.agent();
    const run = newRun();
    await broker.start(id, run, LONG);
    await broker.about('started', run);
    agent.child.kill('SIGTERM');
    expect(await broker.about('finished', run)).toMatchObject({ outcome: 'stopped' });
    expect(await agent.exit).toBe(0);
    expect(broker.batches.some(({ header }) => header.last)).toBe(true);
    expect((await readdir(join(folder, 'data'))).includes('agent.lock')).toBe(false);
    expect(await readdir(join(folder, 'data', 'outbox'))).toEqual([]);
  });

  it('killed in the middle sends what it had sealed when it starts again, and says what is missing', async () => {
    const broker = await openBroker();
    broker.acks = false;
    const agent = program(broker);
    const id = await broker.agent();
    const run = newRun();
    await broker.start(id, run, LONG);
    await broker.until(() => broker.batches.length >= 3);
    const worker = Number((await readFile(`/proc/${agent.child.pid}/task/${agent.child.pid}/children`, 'utf8')).trim());
    agent.child.kill('SIGKILL');
    expect(await agent.exit).toBe('SIGKILL');
    await until(() => isGone(worker));
    const had = broker.batches.length;
    broker.acks = true;
    const again = program(broker);
    const next = await broker.agent(1);
    expect(next).not.toBe(id);
    const hello = broker.all('hello').at(-1);
    const [tail] = hello?.streams ?? [];
    expect(runOfStream(tail?.stream ?? ('' as never))).toBe(run);
    await broker.until(() => broker.stream(tail?.stream ?? '').some(({ header }) => header.last));
    const batches = broker.stream(tail?.stream ?? '');
    expect(batches.map(({ header }) => header.number)).toEqual(batches.map((_, n) => n));
    expect(batches.length).toBeGreaterThanOrEqual(had + 1);
    expect(new Set(batches.map(({ header }) => header.agent))).toEqual(new Set([id]));
    expect(unpackNative(batches.at(-1)?.payload ?? Buffer.alloc(0))).toMatchObject({
      outcome: 'failed',
      gaps: [{ worker: EVERY_WORKER, why: expect.stringContaining('lost') }],
    });
    await until(async () => (await readdir(join(folder, 'data', 'outbox'))).length === 0);
    again.child.kill('SIGTERM');
    expect(await again.exit).toBe(0);
  });

  it('refuses a folder that another uses, and a configuration that is wrong, with 104', async () => {
    const broker = await openBroker();
    const agent = program(broker);
    await broker.agent();
    const second = program(broker);
    expect(await second.exit).toBe(104);
    expect(second.log()).toContain(`process ${agent.child.pid} uses the data folder`);
    const wrong = program(broker, ['--workers', 'many', '--hang-ms', '1']);
    expect(await wrong.exit).toBe(104);
    expect(wrong.log()).toContain('--workers');
    expect(wrong.log()).toContain('--hang-ms');
  });

  it('leaves at once when nobody is there', async () => {
    const broker = await openBroker();
    await broker.close();
    const agent = program(broker);
    await until(() => agent.log().includes('"ready"'));
    agent.child.kill('SIGTERM');
    expect(await agent.exit).toBe(0);
  });
});
