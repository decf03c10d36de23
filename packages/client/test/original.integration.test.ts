import { connectOriginal, MusterError, type OriginalClient, type OriginalEvent } from '@muster/client';
import { afterEach, describe, expect, it } from 'vitest';
import { type Answers, RawBroker } from './raw-broker.js';
import { collect, errorOf } from './support.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const start = async (
  answers: Record<string, Answers> = {},
  options: Parameters<typeof connectOriginal>[1] = {},
): Promise<{ broker: RawBroker; client: OriginalClient }> => {
  const broker = await RawBroker.start(answers);
  closers.push(() => broker.close());
  const client = await connectOriginal(broker.endpoint, options);
  closers.push(() => client.close());
  return { broker, client };
};

const MUSTER: Answers = () => ({
  result: { pid: 1, endpoints: {}, agents: {}, native: [1, 1], version: '0.1.0' },
});
const RUN = '5c2e8e8e-3f0a-4c1c-9c55-0d8a4d3f9a11';
const STATUS = { '15880': { status: 'running', run_id: RUN } };

describe('the commands of the original', () => {
  it.each<{
    readonly name: string;
    readonly call: (client: OriginalClient) => Promise<unknown>;
    readonly asked: object;
    readonly answer: unknown;
    readonly given: unknown;
  }>([
    {
      name: 'list',
      call: (client) => client.list(),
      asked: { command: 'LIST' },
      answer: { 'vm-1': { pid: '1', hostname: 'vm', agent_id: 'vm-1' } },
      given: [{ id: 'vm-1', pid: '1', hostname: 'vm' }],
    },
    {
      name: 'list of the oldest generation',
      call: (client) => client.list(),
      asked: { command: 'LIST' },
      answer: [12, '13'],
      given: [
        { id: '12', pid: 12, hostname: null },
        { id: '13', pid: '13', hostname: null },
      ],
    },
    {
      name: 'run',
      call: (client) =>
        client.run({
          agents: 2,
          fqn: 'a.ts',
          testRunner: './go {test}',
          users: [10, 20],
          hits: [5],
          files: Buffer.from('zip'),
          args: { observer_irc_server: 'irc.x' },
        }),
      asked: {
        command: 'CTRL_RUN',
        agents: 2,
        async: true,
        filedata: 'emlw',
        args: {
          fqn: 'a.ts',
          test_runner: './go {test}',
          users: [10, 20],
          hits: [5],
          agents: 2,
          external_process_timeout: 2,
          project_name: 'N/A',
          user_id: 'undefined',
          observer: [],
          observer_irc_server: 'irc.x',
        },
      },
      answer: { agents: ['vm-1', 'vm-2'], run_id: RUN },
      given: { run: RUN, agents: ['vm-1', 'vm-2'] },
    },
    {
      name: 'listRuns',
      call: (client) => client.listRuns(),
      asked: { command: 'CTRL_LIST_RUNS' },
      answer: { [RUN]: [['vm-1', 1_700_000_000.25]] },
      given: [{ run: RUN, agents: [{ agent: 'vm-1', sinceS: 1_700_000_000.25 }] }],
    },
    {
      name: 'stopRun',
      call: (client) => client.stopRun(RUN),
      asked: { command: 'CTRL_STOP_RUN', run_id: RUN },
      answer: ['vm-1'],
      given: ['vm-1'],
    },
    {
      name: 'getCounts',
      call: (client) => client.getCounts(RUN),
      asked: { command: 'CTRL_GET_COUNTS', run_id: RUN },
      answer: { add_hit: 3 },
      given: { add_hit: 3 },
    },
    {
      name: 'getUrls',
      call: (client) => client.getUrls(RUN),
      asked: { command: 'CTRL_GET_URLS', run_id: RUN },
      answer: { 'http://127.0.0.1/a': 3 },
      given: { 'http://127.0.0.1/a': 3 },
    },
    {
      name: 'getMetadata',
      call: (client) => client.getMetadata(RUN),
      asked: { command: 'CTRL_GET_METADATA', run_id: RUN },
      answer: { started: 1.5, active: true, users: [1], fqn: 'a.b' },
      given: { started: 1.5, active: true, users: [1], fqn: 'a.b' },
    },
    {
      name: 'agentStatus',
      call: (client) => client.agentStatus('vm-1'),
      asked: { command: 'CTRL_AGENT_STATUS', agent_id: 'vm-1' },
      answer: { status: STATUS, command: '_STATUS' },
      given: STATUS,
    },
    {
      name: 'agentRun',
      call: (client) => client.agentRun('vm-1', { fqn: 'a.b', durationS: 3 }),
      asked: {
        command: 'CTRL_AGENT_RUN',
        agent_id: 'vm-1',
        args: {
          fqn: 'a.b',
          users: [1],
          duration: 3,
          external_process_timeout: 2,
          project_name: 'N/A',
          user_id: 'undefined',
          observer: [],
        },
      },
      answer: { pids: [7], agent_id: 'vm-1', command: 'RUN' },
      given: { pids: [7], status: {} },
    },
  ])('$name asks and reads what a broker of the original does', async ({ call, asked, answer, given }) => {
    const { command } = asked as { command: string };
    const { broker, client } = await start({ [command]: () => ({ result: answer, hostname: 'vm', pid: 3 }) });
    expect(await call(client)).toEqual(given);
    expect(broker.asked.at(-1)).toEqual(asked);
  });

  it('tells a broker of the original from one of Muster by its answer to PING', async () => {
    const { client, broker } = await start();
    expect(client.native).toBe(false);
    expect(await client.ping()).toEqual({
      pid: 15_723,
      endpoints: { frontend: broker.endpoint, publisher: broker.publisher.replace('127.0.0.1', '0.0.0.0') },
      agents: [{ id: 'vm-15872', pid: 15_872, hostname: 'vm' }],
      native: null,
      version: null,
    });
    const ours = await start({ PING: MUSTER });
    expect(ours.client.native).toBe(true);
    expect((await ours.client.ping()).version).toBe('0.1.0');
  });

  it('reads rows page by page, numbers as numbers, and picks a kind whatever the pages hold', async () => {
    const rows = Array.from({ length: 25 }, (_, n) => ({ data_type: n % 5 === 0 ? 'addError' : 'add_hit', n }));
    const { broker, client } = await start({
      CTRL_GET_DATA: ({ start: from, size }) => ({
        result: rows.slice(from as number, (from as number) + (size as number)),
      }),
    });
    expect(await collect(client.getData(RUN, { pageSize: 10 }))).toEqual(rows);
    expect(broker.asked.filter(({ command }) => command === 'CTRL_GET_DATA')).toEqual(
      [0, 10, 20].map((from) => ({ command: 'CTRL_GET_DATA', run_id: RUN, start: from, size: 10 })),
    );
    expect((await collect(client.getData(RUN, { type: 'addError', pageSize: 4 }))).map(({ n }) => n)).toEqual([
      0, 5, 10, 15, 20,
    ]);
    expect(await collect(client.getData(RUN, { start: 7, limit: 3, pageSize: 2 }))).toEqual(rows.slice(7, 10));
    expect((await collect(client.getErrors(RUN, { start: 1, limit: 2 }))).map(({ n }) => n)).toEqual([5, 10]);
    for await (const row of client.getData(RUN, { pageSize: 1 })) if (row.n === 1) break;
    expect(broker.asked.at(-1)).toMatchObject({ start: 1, size: 1 });
  });

  it('lets a broker of Muster pick the kind, and asks it for errors', async () => {
    const rows = Array.from({ length: 5 }, (_, n) => ({ data_type: 'addError', n }));
    const page: Answers = ({ start: from, size }) => ({
      result: rows.slice(from as number, (from as number) + (size as number)),
    });
    const { broker, client } = await start({ PING: MUSTER, CTRL_GET_DATA: page, CTRL_GET_ERRORS: page });
    expect(await collect(client.getData(RUN, { type: 'addError', pageSize: 2 }))).toEqual(rows);
    expect(broker.asked.at(-1)).toEqual({
      command: 'CTRL_GET_DATA',
      run_id: RUN,
      start: 4,
      size: 2,
      data_type: 'addError',
    });
    expect(await collect(client.getErrors(RUN, { start: 1, limit: 3, pageSize: 2 }))).toEqual(rows.slice(1, 4));
    expect(broker.asked.at(-1)).toEqual({ command: 'CTRL_GET_ERRORS', run_id: RUN, start: 3, size: 2 });
  });

  it('asks for grouped rows in one go', async () => {
    const grouped = [{ data_type: 'add_hit', url: '/', count: 3 }];
    const { broker, client } = await start({ CTRL_GET_DATA: () => ({ result: grouped }) });
    expect(await collect(client.getData(RUN, { groupBy: true, type: 'add_hit' }))).toEqual(grouped);
    expect(broker.asked.at(-1)).toEqual({
      command: 'CTRL_GET_DATA',
      run_id: RUN,
      groupby: true,
      data_type: 'add_hit',
    });
  });

  it('waits for no answer to a stop or quit from a broker that never gives one', async () => {
    const { broker, client } = await start({ CTRL_AGENT_STOP: () => null, CTRL_AGENT_QUIT: () => null });
    expect(await client.agentStop('vm-1')).toBe(null);
    expect(await client.agentQuit('vm-1', { force: true })).toBe(null);
    await broker.until(() => broker.asked.some(({ command }) => command === 'CTRL_AGENT_QUIT'));
    expect(broker.asked).toContainEqual({ command: 'CTRL_AGENT_STOP', agent_id: 'vm-1' });
    expect(broker.asked).toContainEqual({ command: 'CTRL_AGENT_QUIT', agent_id: 'vm-1', force: true });
    const ours = await start({
      PING: MUSTER,
      CTRL_AGENT_STOP: () => ({ result: { status: STATUS, command: 'STOP' } }),
    });
    expect(await ours.client.agentStop('vm-1')).toEqual({ status: STATUS, pids: [] });
  });

  it('refuses what only a broker of Muster does', async () => {
    const { client } = await start();
    expect((await errorOf(client.deleteRun(RUN))).code).toBe('NOT_SUPPORTED');
    expect((await errorOf(client.updateMetadata(RUN, { a: 1 }))).code).toBe('NOT_SUPPORTED');
    expect((await errorOf(client.getRuns())).code).toBe('NOT_SUPPORTED');
    const done = () => ({ result: null });
    const ours = await start({
      PING: MUSTER,
      CTRL_GET_RUNS: () => ({ result: [RUN] }),
      CTRL_DELETE_RUN: done,
      CTRL_UPDATE_METADATA: done,
    });
    expect(await ours.client.getRuns()).toEqual([RUN]);
    await ours.client.deleteRun(RUN);
    await ours.client.updateMetadata(RUN, { a: 1 });
    expect(ours.broker.asked.slice(-2)).toEqual([
      { command: 'CTRL_DELETE_RUN', run_id: RUN },
      { command: 'CTRL_UPDATE_METADATA', run_id: RUN, fields: { a: 1 } },
    ]);
  });

  it('purges by stopping every active run', async () => {
    const { broker, client } = await start({
      CTRL_LIST_RUNS: () => ({ result: { one: [], two: [['vm-1', 1]] } }),
      CTRL_STOP_RUN: () => ({ result: [] }),
    });
    expect(await client.purge()).toEqual(['one', 'two']);
    const stopped = broker.asked.filter(({ command }) => command === 'CTRL_STOP_RUN').map(({ run_id }) => run_id);
    // Both are asked at once, each on a connection of its own.
    expect(stopped.sort()).toEqual(['one', 'two']);
  });
});

describe('errors of the original', () => {
  it.each<[string, unknown, string]>([
    ['a refusal', 'Not enough agents', 'NOT_ENOUGH_AGENTS'],
    ['an unknown command', 'unknown command CTRL_RUN', 'UNKNOWN_COMMAND'],
    ['a command that its controller has not', ['nope', '  File "broker.py"'], 'UNKNOWN_COMMAND'],
    ['an observer that is none', 'there is no observer "x"', 'OBSERVER_UNKNOWN'],
    ['broken JSON', 'Invalid JSON received.', 'BAD_MESSAGE'],
    ['an exception', ["'run_id'", '  File "broker.py", line 3'], 'BROKER_FAULT'],
    ['an empty list', [], 'BROKER_FAULT'],
  ])('%s becomes a typed one', async (_, error, code) => {
    const { client } = await start({ CTRL_RUN: () => ({ error }) });
    const fault = await errorOf(client.run({}));
    expect(fault).toBeInstanceOf(MusterError);
    expect(fault.code).toBe(code);
    if (Array.isArray(error) && error.length > 1) expect(fault.details).toMatchObject({ trace: error.slice(1) });
  });

  it('says what of an answer does not fit', async () => {
    const { client } = await start({ CTRL_GET_COUNTS: () => ({ result: { add_hit: 'three' } }) });
    expect((await errorOf(client.getCounts(RUN))).code).toBe('BAD_MESSAGE');
  });

  it('tells a broker that is not there from one that says nothing', async () => {
    const gone = await errorOf(connectOriginal('tcp://127.0.0.1:1', { timeoutMs: 300 }));
    expect(gone.message).toContain('nothing listens there');
    const mute = await RawBroker.start({ PING: () => null });
    closers.push(() => mute.close());
    const silent = await errorOf(connectOriginal(mute.endpoint, { timeoutMs: 300 }));
    expect(silent.code).toBe('BROKER_UNREACHABLE');
    expect(silent.message).toContain('does not answer as a broker');
  });
});

describe('the pool', () => {
  const echo: Answers = ({ run_id }) => ({ result: { [String(run_id)]: 1 } });

  it('answers many calls at once over a few connections, each with its own', async () => {
    const { broker, client } = await start({ CTRL_GET_COUNTS: echo }, { connections: 3 });
    const names = Array.from({ length: 200 }, (_, n) => `run-${n}`);
    expect(await Promise.all(names.map((name) => client.getCounts(name)))).toEqual(
      names.map((name) => ({ [name]: 1 })),
    );
    expect(broker.askers.size).toBe(3);
  });

  it('does not take the second answer to a run for the answer to the next question', async () => {
    const { client } = await start(
      {
        CTRL_RUN: () => [{ result: { agents: ['a'], run_id: RUN } }, { result: null }],
        CTRL_GET_COUNTS: echo,
      },
      { connections: 1 },
    );
    for (let n = 0; n < 20; n += 1) {
      expect((await client.run({})).run).toBe(RUN);
      expect(await client.getCounts('next')).toEqual({ next: 1 });
    }
  });

  it('replaces a connection whose answer came too late', async () => {
    const { broker, client } = await start({ CTRL_GET_COUNTS: echo, LIST: () => null }, { connections: 1 });
    const before = broker.askers.size;
    expect((await errorOf(client.list({ timeoutMs: 50 }))).code).toBe('TIMEOUT');
    expect(await client.getCounts('after')).toEqual({ after: 1 });
    expect(broker.askers.size).toBe(before + 1);
  });

  it('asks again what only reads when the broker comes back, but not a run', async () => {
    let answering = false;
    const quiet =
      (answer: Answers): Answers =>
      (...asked) =>
        answering ? answer(...asked) : null;
    const { broker, client } = await start(
      { CTRL_GET_COUNTS: quiet(echo), CTRL_RUN: quiet(() => ({ result: { agents: [], run_id: RUN } })) },
      { askAgainMs: 50, timeoutMs: 20_000 },
    );
    const counts = client.getCounts('again');
    const run = errorOf(client.run({ timeoutMs: 1_000 }));
    await broker.until(() =>
      ['CTRL_GET_COUNTS', 'CTRL_RUN'].every((name) => broker.asked.some((q) => q.command === name)),
    );
    answering = true;
    await broker.restart();
    expect(await counts).toEqual({ again: 1 });
    expect((await run).code).toBe('TIMEOUT');
    expect(broker.asked.filter(({ command }) => command === 'CTRL_RUN')).toHaveLength(1);
  });

  it('lets a caller give up, in flight or in line', async () => {
    const { broker, client } = await start({ LIST: () => null, CTRL_GET_COUNTS: echo }, { connections: 1 });
    const first = new AbortController();
    const second = new AbortController();
    const inFlight = errorOf(client.list({ signal: first.signal }));
    await broker.until(() => broker.asked.some(({ command }) => command === 'LIST'));
    const inLine = errorOf(client.getCounts('never', { signal: second.signal }));
    const next = client.getCounts('next');
    second.abort();
    expect((await inLine).code).toBe('ABORTED');
    first.abort(new Error('enough'));
    expect((await inFlight).cause).toEqual(new Error('enough'));
    expect(await next).toEqual({ next: 1 });
    expect((await errorOf(client.list({ signal: AbortSignal.abort() }))).code).toBe('ABORTED');
  });

  it('ends what is under way or in line when it is closed', async () => {
    const { client } = await start({ LIST: () => null }, { connections: 1 });
    const calls = [errorOf(client.list()), errorOf(client.list())];
    await client.close();
    expect((await Promise.all(calls)).map(({ code }) => code)).toEqual(['CLOSED', 'CLOSED']);
    expect((await errorOf(client.list())).code).toBe('CLOSED');
  });
});

describe('watching', () => {
  it('hears one run of several, single rows and batches, and ends with it', async () => {
    const { broker, client } = await start();
    const events: OriginalEvent[] = [];
    const watching = (async () => {
      for await (const event of client.watch({ run: RUN })) events.push(event);
    })();
    await broker.until(() => broker.subscribers === 1);
    const hit = { url: 'http://h/', method: 'GET', status: 200, started: '2026-01-01T00:00:00', elapsed: 0.25 };
    broker.publish('no json');
    broker.publish(JSON.stringify({ data_type: 'add_hit', run_id: 'other', agent_id: 'x', ...hit }));
    broker.publish(JSON.stringify({ data_type: 'run-finished', run_id: 'other' }));
    broker.publish(JSON.stringify({ data_type: 'add_hit', run_id: RUN, agent_id: 'x', hostname: 'vm', ...hit }));
    broker.publish(
      JSON.stringify({
        data_type: 'batch',
        agent_id: 'x',
        hostname: 'vm',
        run_id: RUN,
        counts: { startTestRun: [{}], 'my-counter': [{ test: 't', loads_status: [2, 2, 1, 0], agent_id: 'None' }] },
      }),
    );
    broker.publish(JSON.stringify({ data_type: 'run-finished', run_id: RUN }));
    await watching;
    expect(
      events.map((event) => (event.kind === 'rows' ? event.rows.map((row) => row.data_type) : event.kind)),
    ).toEqual([['add_hit'], ['startTestRun', 'my-counter'], 'finished']);
    await broker.until(() => broker.subscribers === 0);
  });

  it('begins with the counts of a broker of the original, which can not say which rows are in them', async () => {
    const { broker, client } = await start({ CTRL_GET_COUNTS: () => ({ result: { add_hit: 7 } }) });
    const events: OriginalEvent[] = [];
    const watching = (async () => {
      for await (const event of client.watch({ run: RUN })) events.push(event);
    })();
    await broker.until(() => broker.subscribers === 1 && broker.asked.at(-1)?.command === 'CTRL_GET_COUNTS');
    for (;;) {
      broker.publish(JSON.stringify({ data_type: 'x', run_id: RUN }));
      if (events.length > 1) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    broker.publish(JSON.stringify({ data_type: 'run-finished', run_id: RUN }));
    await watching;
    const counts = { add_hit: 7 };
    expect(events[0]).toEqual({ kind: 'snapshot', run: RUN, counts, active: true, missed: false, exact: false });
    expect(events.at(-1)).toEqual({ kind: 'finished', run: RUN });
  });

  it.each([
    ['an older broker of ours', { error: ['nope', 'unknown command CTRL_SNAPSHOT'] }],
    [
      'a run of a test of ours',
      { result: { run_id: RUN, boot: '0a'.repeat(16), number: null, active: true, counts: {}, metadata: {} } },
    ],
  ])('hears the publisher of %s', async (_, answer) => {
    const { broker, client } = await start({ CTRL_SNAPSHOT: () => answer });
    // With `events`, so there could be more than the publisher.
    broker.answers.PING = () => {
      const pong = broker.pong() as { readonly endpoints: object };
      return { result: { ...pong, native: [1, 1], endpoints: { ...pong.endpoints, events: broker.publisher } } };
    };
    await client.ping();
    const watching = collect(client.watch({ run: RUN }));
    await broker.until(() => broker.subscribers === 1);
    broker.publish(JSON.stringify({ data_type: 'x', run_id: RUN }));
    broker.publish(JSON.stringify({ data_type: 'run-finished', run_id: RUN }));
    expect(await watching).toEqual([
      { kind: 'rows', run: RUN, rows: [{ data_type: 'x', run_id: RUN }] },
      { kind: 'finished', run: RUN },
    ]);
  });

  it('ends without an error when the watcher gives up', async () => {
    const { broker, client } = await start();
    const enough = new AbortController();
    const watching = collect(client.watch({ signal: enough.signal }));
    await broker.until(() => broker.subscribers === 1);
    enough.abort();
    expect(await watching).toEqual([]);
  });
});
