import { connect, MusterError } from '@muster/client';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeBroker, RUN, runInfo, SILENCE } from './fake-broker.js';
import { collect, errorOf, Opened } from './support.js';

const opened = new Opened();
afterEach(() => opened.close());

describe('connecting', () => {
  it('gives a connection that answers, and closes itself', async () => {
    const broker = await opened.broker();
    {
      await using muster = await connect(broker.endpoint);
      expect(await muster.ping()).toMatchObject({ version: '0.1.0', pid: process.pid });
      expect(muster.endpoint).toBe(broker.endpoint);
    }
    expect(broker.count('ping')).toBe(2);
  });

  it('waits for a broker that comes later', async () => {
    const first = await FakeBroker.start();
    await first.close();
    const connecting = connect(first.endpoint, { timeoutMs: 20_000 });
    await opened.broker({ frontend: first.endpoint });
    await (await connecting).close();
  });

  it('says that nothing listens there', async () => {
    const gone = await FakeBroker.start();
    await gone.close();
    const error = await errorOf(connect(gone.endpoint, { timeoutMs: 200 }));
    expect(error.code).toBe('BROKER_UNREACHABLE');
    expect(error.message).toContain('nothing listens there');
  });

  it('refuses what is no endpoint of a broker', async () => {
    for (const bad of ['nonsense', 'tcp://127.0.0.1:*'])
      expect((await errorOf(connect(bad))).code).toBe('BAD_ENDPOINT');
  });

  it('tells a broker of the original and one of another version', async () => {
    const original = await opened.broker({ native: undefined });
    expect((await errorOf(connect(original.endpoint))).code).toBe('NOT_SUPPORTED');
    const newer = await opened.broker({ native: [7, 9] });
    const error = await errorOf(connect(newer.endpoint));
    expect(error.code).toBe('VERSION_MISMATCH');
    expect(error.message).toMatch(/versions 7 to 9 .* version 1/);
  });

  it('is given up by its caller', async () => {
    const gone = await FakeBroker.start();
    await gone.close();
    const controller = new AbortController();
    const connecting = connect(gone.endpoint, { timeoutMs: 60_000, signal: controller.signal });
    controller.abort(new Error('enough'));
    const error = await errorOf(connecting);
    expect(error.code).toBe('ABORTED');
    expect(error.cause).toEqual(new Error('enough'));
    expect((await errorOf(connect(gone.endpoint, { signal: controller.signal }))).code).toBe('ABORTED');
  });
});

describe('a connection', () => {
  it('has any number of questions in flight, answered in any order', async () => {
    const held: (() => void)[] = [];
    const broker = await opened.broker({
      handlers: {
        runs: (message) =>
          new Promise((resolve) => {
            if (message.type === 'runs') held.push(() => resolve(new Array(message.limit).fill(runInfo('queued'))));
          }),
      },
    });
    const { signal } = new AbortController();
    const muster = await opened.muster(broker, { signal });
    const asked = Array.from({ length: 300 }, (_, n) => muster.runs({ limit: n + 1, signal }));
    await broker.until(() => held.length === 300);
    for (const answer of held.reverse()) answer();
    expect((await Promise.all(asked)).map((runs) => runs.length)).toEqual(asked.map((_, n) => n + 1));
  });

  it('asks again under the same id when no answer comes', async () => {
    const broker = await opened.broker();
    let silent = true;
    broker.handlers.agents = () => {
      const answer = silent ? SILENCE : [];
      silent = false;
      return answer;
    };
    const muster = await opened.muster(broker);
    expect(await muster.agents()).toEqual([]);
    const ids = broker.asked.filter(({ type }) => type === 'agents').map(({ id }) => id);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  it('throws the error that the broker answers, code and all', async () => {
    const broker = await opened.broker({
      handlers: {
        show: () => {
          throw new MusterError('RUN_UNKNOWN', 'there is no such run', { details: { run: RUN } });
        },
      },
    });
    const muster = await opened.muster(broker);
    expect(await errorOf(muster.show(RUN))).toMatchObject({
      code: 'RUN_UNKNOWN',
      message: '[RUN_UNKNOWN] there is no such run',
      details: { run: RUN },
    });
    expect((await errorOf(muster.show('nonsense'))).code).toBe('RUN_UNKNOWN');
    expect((await errorOf(muster.runs())).code).toBe('UNKNOWN_COMMAND');
  });

  it('reads a table page by page, from any row on, to the end that it has by then', async () => {
    const asked: unknown[] = [];
    const broker = await opened.broker({
      handlers: {
        query: (message) => {
          if (message.type !== 'query') return null;
          const { table, start, size } = message;
          asked.push({ table, start, size });
          const rows = Math.min(size, 2, 5 - start);
          const values = Array.from({ length: rows }, (_, row) => start + row);
          return { table, start, rows, total: 5, columns: [{ name: 'status', values }] };
        },
      },
    });
    const muster = await opened.muster(broker);
    const pages = await collect(muster.query(RUN, 'samples', { start: 1, pageSize: 3 }));
    expect(pages.flatMap(({ columns }) => columns[0]?.values)).toEqual([1, 2, 3, 4]);
    expect(asked).toEqual([1, 3].map((start) => ({ table: 'samples', start, size: 3 })));
    expect((await errorOf(collect(muster.query('nonsense', 'events')))).code).toBe('RUN_UNKNOWN');
  });

  it('annotates a run and drains an agent', async () => {
    const broker = await opened.broker({ handlers: { annotate: () => ({}), drain: () => ({}) } });
    const muster = await opened.muster(broker);
    await muster.annotate(RUN, 'the cache is off');
    await muster.drain('node-1.aabbcc');
    expect(broker.asked.slice(-2)).toMatchObject([
      { type: 'annotate', run: RUN, text: 'the cache is off' },
      { type: 'drain', agent: 'node-1.aabbcc' },
    ]);
  });

  it('refuses an answer that does not fit', async () => {
    const broker = await opened.broker({ handlers: { runs: () => [{ id: 'no' }] } });
    const muster = await opened.muster(broker);
    const error = await errorOf(muster.runs());
    expect(error.code).toBe('BAD_MESSAGE');
    expect(error.message).toContain('"runs"');
  });

  it('gives up after its time, or when its caller does, and tells the broker so', async () => {
    const broker = await opened.broker({ handlers: { agents: () => SILENCE, cancel: () => null } });
    const muster = await opened.muster(broker);
    const late = await errorOf(muster.agents({ timeoutMs: 50 }));
    expect(late.code).toBe('TIMEOUT');
    expect(late.message).toContain('"agents" within 50 ms');
    const controller = new AbortController();
    const asked = errorOf(muster.agents({ signal: controller.signal }));
    await broker.until(() => broker.count('agents') === 2);
    controller.abort();
    expect((await asked).code).toBe('ABORTED');
    await broker.until(() => broker.count('cancel') === 2);
    expect(broker.asked.at(-1)).toMatchObject({ type: 'cancel', request: broker.asked.at(-2)?.id });
  });

  it('ends what is in flight when it is closed, and refuses more', async () => {
    const broker = await opened.broker({ handlers: { agents: () => SILENCE } });
    const muster = await opened.muster(broker);
    const asked = errorOf(muster.agents());
    await broker.until(() => broker.count('agents') === 1);
    await muster.close();
    await muster.close();
    expect((await asked).code).toBe('CLOSED');
    expect((await errorOf(muster.agents())).code).toBe('CLOSED');
  });

  it('sends its token with every question', async () => {
    const broker = await opened.broker({ handlers: { agents: () => [] } });
    const muster = await opened.muster(broker, { token: 'secret' });
    await muster.agents();
    expect(broker.asked.map(({ token }) => token)).toEqual(['secret', 'secret']);
  });

  it('waits for agents to sign on', async () => {
    const agent = (state: string) => ({
      id: 'a.123456',
      node: 'a',
      hostname: 'a',
      pid: 1,
      version: '0.1.0',
      cores: 1,
      workers: 1,
      labels: {},
      state,
      run: null,
      lastSeenMs: 0,
      cpu: 0,
      rssBytes: 0,
      lagMs: 0,
      vus: 0,
      clockOffsetMs: null,
      clockBoundMs: null,
    });
    let asked = 0;
    const broker = await opened.broker({
      handlers: {
        agents: () => {
          asked += 1;
          return [agent('lost'), ...(asked > 1 ? [agent('free')] : [])];
        },
      },
    });
    const muster = await opened.muster(broker);
    expect(await muster.waitForAgents(1)).toHaveLength(1);
    const error = await errorOf(muster.waitForAgents(2, { timeoutMs: 250 }));
    expect(error.code).toBe('TIMEOUT');
    expect(error.message).toContain('1 of 2 agents');
  });
});
