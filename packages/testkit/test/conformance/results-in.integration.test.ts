import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type * as zmq from 'zeromq';
import type { Agent } from './support/agent.js';
import type { Plain } from './support/client.js';
import { Stage } from './support/stage.js';
import { until } from './support/wait.js';
import { Watcher } from './support/watcher.js';

let stage: Stage;
let watcher: Watcher;
let worker: zmq.Push;
beforeAll(async () => {
  stage = await Stage.open();
  watcher = new Watcher(stage.places.publisher ?? '');
  // Whoever subscribes late hears nothing of what came before.
  const first = stage.push('receiver');
  await until('a watcher', async () => {
    await first.send('{"data_type":"add_tick","agent_id":"x","run_id":"beacon"}');
    return watcher.heard.length > 0;
  });
});
afterEach(() => stage.clear());
afterAll(async () => {
  watcher.close();
  await stage.close();
});

interface Running {
  readonly agent: Agent;
  readonly run_id: string;
  send(row: object | string): Promise<void>;
}
/** A run, and a worker of its agent. */
const running = async (): Promise<Running> => {
  const agent = await stage.agent();
  const { run_id } = await stage.run(1);
  await agent.hears('RUN');
  worker = stage.push('receiver');
  const send = async (row: object | string): Promise<void> =>
    await worker.send(typeof row === 'string' ? row : JSON.stringify({ agent_id: agent.id, run_id, ...row }));
  return { agent, run_id, send };
};
/** Resolves when everything that was sent before has been taken. */
let marks = 0;
const taken = async ({ run_id }: { run_id: string }): Promise<Plain> => {
  marks += 1;
  const mark = `mark-${marks}`;
  await worker.send(JSON.stringify({ data_type: 'startTestRun', run_id: mark, agent_id: 'marker' }));
  await until(mark, async () => (await stage.counts(mark)).startTestRun === 1);
  return await stage.counts(run_id);
};

const STATUS = [2, 2, 1, 0];
const HIT = { url: 'http://x/', method: 'GET', status: 200, started: '2014-01-01T00:00:00.000001', elapsed: 0.25 };
/** One of each kind, with its fields. */
const KINDS: readonly Plain[] = [
  { data_type: 'startTestRun' },
  { data_type: 'startTest', test: 'test_a (m.C)', loads_status: STATUS },
  { data_type: 'add_hit', ...HIT, loads_status: STATUS },
  { data_type: 'socket_open' },
  { data_type: 'socket_message', size: 1 },
  { data_type: 'socket_close' },
  { data_type: 'addSuccess', test: 'test_a (m.C)', loads_status: STATUS },
  { data_type: 'addFailure', test: 't', exc_info: ['AssertionError', 'no', '  File'], loads_status: STATUS },
  { data_type: 'addError', test: 't', exc_info: ['ValueError', 'boom', '  File'], loads_status: STATUS },
  { data_type: 'stopTest', test: 'test_a (m.C)', loads_status: STATUS },
  { data_type: 'my-counter', test: 't', loads_status: STATUS, agent_id: 'None' },
  { data_type: 'stopTestRun' },
];

describe('a single result', () => {
  it('of each kind is counted under its data_type', async () => {
    const run = await running();
    for (const row of KINDS) await run.send({ ...row, agent_id: run.agent.id });
    expect(await taken(run)).toEqual(Object.fromEntries(KINDS.map(({ data_type }) => [data_type, 1])));
  });

  it('of a name that nobody knows is a counter of the author’s', async () => {
    const run = await running();
    for (const data_type of ['logins', 'logins', 'a:b', 'é', 'addHit', 'constructor']) await run.send({ data_type });
    expect(await taken(run)).toEqual({ logins: 2, 'a:b': 1, é: 1, addHit: 1, constructor: 1 });
  });

  it('counts its size where it has one: messages of web sockets count bytes', async () => {
    const run = await running();
    for (const size of [10, 32]) await run.send({ data_type: 'socket_message', size });
    await run.send({ data_type: 'sold', size: 7 });
    await run.send({ data_type: 'sold' });
    expect(await taken(run)).toEqual({ socket_message: 42, sold: 8 });
  });

  it('with a URL is counted under it', async () => {
    const run = await running();
    for (const url of ['http://a/', 'http://a/', 'http://b/?x=1&y=/'])
      await run.send({ data_type: 'add_hit', ...HIT, url });
    await taken(run);
    expect(await stage.client.result('CTRL_GET_URLS', { run_id: run.run_id })).toEqual({
      'http://a/': 2,
      'http://b/?x=1&y=/': 1,
    });
  });

  it('may have spaces and escaped slashes, as either encoder writes', async () => {
    const run = await running();
    const { agent, run_id } = run;
    await run.send(
      `{ "data_type" : "startTest" , "test" : "a\\/b" , "agent_id" : "${agent.id}" , "run_id" : "${run_id}" }`,
    );
    await run.send(`{"data_type":"startTest","test":"a/b","agent_id":"${agent.id}","run_id":"${run_id}"}`);
    expect(await taken(run)).toEqual({ startTest: 2 });
    expect((await stage.rows(run_id)).map(({ test }) => test)).toEqual(['a/b', 'a/b']);
  });

  it('keeps loads_status as it came, numbers or text', async () => {
    const run = await running();
    await run.send({ data_type: 'startTest', test: 't', loads_status: [2, 2, 1, 0] });
    await run.send({ data_type: 'startTest', test: 't', loads_status: ['2', '2', '1', '1'] });
    await taken(run);
    expect((await stage.rows(run.run_id)).map(({ loads_status }) => loads_status)).toEqual([
      [2, 2, 1, 0],
      ['2', '2', '1', '1'],
    ]);
  });

  it('keeps every field that nobody knows', async () => {
    const run = await running();
    await run.send({ data_type: 'startTest', test: 't', mine: { deep: [1, 'é'] }, none: null });
    await taken(run);
    expect((await stage.rows(run.run_id))[0]).toMatchObject({ test: 't', mine: { deep: [1, 'é'] }, none: null });
  });

  it('with bytes in it that separate records in the original’s file is kept like any other', async () => {
    const run = await running();
    const test = 'x\u0078\u008c\u0000\ny'.repeat(1_000);
    for (let each = 0; each < 20; each += 1) await run.send({ data_type: 'startTest', test, each });
    await taken(run);
    const rows = await stage.rows(run.run_id);
    expect(rows.map(({ each }) => each)).toEqual(Array.from({ length: 20 }, (_, each) => each));
    expect(new Set(rows.map((row) => row.test))).toEqual(new Set([test]));
  });
});

describe('a batch', () => {
  it('is counted row by row, under the kinds that it names', async () => {
    const run = await running();
    const counts = {
      startTestRun: [{}],
      startTest: [{ test: 'a' }, { test: 'b' }],
      add_hit: [HIT],
      'my-counter': [{}, {}, {}],
    };
    await run.send({ data_type: 'batch', hostname: 'vm', counts });
    expect(await taken(run)).toEqual({ startTestRun: 1, startTest: 2, add_hit: 1, 'my-counter': 3 });
  });

  it('gives each row its agent and its run', async () => {
    const run = await running();
    await run.send({ data_type: 'batch', hostname: 'vm', counts: { startTest: [{ test: 'a' }] } });
    await taken(run);
    expect(await stage.rows(run.run_id)).toEqual([
      expect.objectContaining({ data_type: 'startTest', test: 'a', agent_id: run.agent.id, run_id: run.run_id }),
    ]);
  });

  it('gives its agent also to a counter that calls it "None", as the original’s workers do', async () => {
    const run = await running();
    await run.send({ data_type: 'batch', counts: { logins: [{ test: 'a', agent_id: 'None' }] } });
    await taken(run);
    expect((await stage.rows(run.run_id))[0]).toMatchObject({ agent_id: run.agent.id });
  });

  it('keeps the order of the rows of a kind', async () => {
    const run = await running();
    const rows = Array.from({ length: 500 }, (_, each) => ({ test: `t${each}` }));
    await run.send({ data_type: 'batch', counts: { startTest: rows } });
    await taken(run);
    const back = await stage.rows(run.run_id, { data_type: 'startTest' });
    expect(back.map(({ test }) => test)).toEqual(rows.map(({ test }) => test));
  });

  it('may hold a counter called like a kind, or like a batch, and is not broken by it', async () => {
    const run = await running();
    await run.send({ data_type: 'batch', counts: { batch: [{ test: 'x' }], startTest: [{ test: 'a' }] } });
    expect(await taken(run)).toEqual({ batch: 1, startTest: 1 });
  });

  it('without rows counts nothing', async () => {
    const run = await running();
    await run.send({ data_type: 'batch', counts: {} });
    await run.send({ data_type: 'batch', counts: { startTest: [] } });
    expect(await taken(run)).toEqual({});
  });

  it('and single rows together are counted exactly, by the ten thousand', async () => {
    const run = await running();
    const rows = Array.from({ length: 900 }, () => ({ test: 't', loads_status: STATUS }));
    for (let each = 0; each < 10; each += 1) {
      await run.send({ data_type: 'batch', counts: { startTest: rows, stopTest: rows } });
      for (let row = 0; row < 100; row += 1) await run.send({ data_type: 'startTest', test: 't' });
    }
    expect(await taken(run)).toEqual({ startTest: 10_000, stopTest: 9_000 });
  });
});

describe('whose result it is', () => {
  it('is said by its run id, also when its agent works for another run meanwhile: the original gives it to that one', async () => {
    const run = await running();
    await run.send({ data_type: 'startTest', run_id: 'an-earlier-one' });
    expect(await taken(run)).toEqual({});
    expect(await stage.counts('an-earlier-one')).toEqual({ startTest: 1 });
    expect(Object.keys(await stage.runs())).toEqual([run.run_id]);
  });

  it('is its agent’s run when it names none', async () => {
    const run = await running();
    await run.send(JSON.stringify({ data_type: 'startTest', agent_id: run.agent.id }));
    expect(await taken(run)).toEqual({ startTest: 1 });
  });

  it('of a run that is over is that run, which does not begin again: the original ends it a second time', async () => {
    const run = await running();
    run.agent.workers = {};
    await watcher.hearsEnd(run.run_id);
    const ended = await stage.metadata(run.run_id);
    await run.send({ data_type: 'startTest' });
    expect(await taken(run)).toEqual({ startTest: 1 });
    expect(await stage.runs()).toEqual({});
    const { has_data, ...rest } = await stage.metadata(run.run_id);
    expect([has_data, rest]).toEqual([1, ended]);
    expect((await stage.run(1)).agents).toEqual([run.agent.id]);
  });

  it('of a free agent and a run that is not known binds the agent to it: it was started elsewhere', async () => {
    const agent = await stage.agent();
    worker = stage.push('receiver');
    agent.workers = { '1': { status: 'running', run_id: 'elsewhere-1' } };
    await worker.send(JSON.stringify({ data_type: 'startTest', agent_id: agent.id, run_id: 'elsewhere-1' }));
    await until('the run', async () => 'elsewhere-1' in (await stage.runs()));
    expect((await agent.hears('_STATUS')).body.run_id).toBe('elsewhere-1');
    expect(await stage.client.ask('CTRL_RUN', { agents: 1, args: {} })).toEqual({ error: 'Not enough agents' });
    agent.workers = {};
    await stage.isOver('elsewhere-1');
  });

  it('keeps two runs at the same time apart', async () => {
    const [one, two] = [await running(), await running()];
    for (const [run, times] of [
      [one, 3],
      [two, 5],
    ] as const)
      for (let each = 0; each < times; each += 1) await run.send({ data_type: 'startTest' });
    await taken(two);
    await until('both', async () => (await stage.counts(one.run_id)).startTest === 3);
    expect(await stage.counts(two.run_id)).toEqual({ startTest: 5 });
  });

  it('is not said by a run id that would leave a folder: such a row is dropped', async () => {
    const run = await running();
    await run.send({ data_type: 'startTest', run_id: '../x' });
    await run.send({ data_type: 'startTest' });
    expect(await taken(run)).toEqual({ startTest: 1 });
  });
});

describe('what comes on the receiver and is no result', () => {
  it('is dropped, and the next one counted', async () => {
    const run = await running();
    for (const text of [
      '{',
      '',
      '[]',
      '7',
      'null',
      '{}',
      '{"data_type":7}',
      '{"data_type":"batch"}',
      '{"data_type":"batch","counts":7}',
    ])
      await worker.send(text);
    await worker.send(Buffer.from([0, 1, 2, 255]));
    await worker.send(['a', 'b', 'c']);
    await run.send({ data_type: 'startTest' });
    expect(await taken(run)).toEqual({ startTest: 1 });
  });

  it('is a row with a field of a wrong type, while the rest of its batch is counted', async () => {
    const run = await running();
    const counts = {
      add_hit: [HIT, { ...HIT, status: 'ok' }, { ...HIT, elapsed: '1' }, { ...HIT, url: 7 }],
      startTest: [{ test: 't' }],
    };
    await run.send({ data_type: 'batch', counts });
    expect(await taken(run)).toEqual({ add_hit: 1, startTest: 1 });
  });

  it('is nested deep, and disturbs nobody', async () => {
    const run = await running();
    await worker.send(`{"data_type":"startTest","x":${'['.repeat(50_000)}`);
    await run.send({ data_type: 'startTest' });
    expect(await taken(run)).toEqual({ startTest: 1 });
  });
});

describe('a watcher', () => {
  it('hears each row byte for byte, spaces and escapes included', async () => {
    const { agent, run_id, send } = await running();
    const text = `{ "data_type" : "startTest",  "test":"a\\/b \\u00e9 é", "agent_id": "${agent.id}", "run_id" : "${run_id}" }`;
    await send(text);
    await watcher.hears(text);
  });

  it('hears each batch byte for byte, not split', async () => {
    const { agent, run_id, send } = await running();
    const text = `{"data_type": "batch", "agent_id": "${agent.id}", "hostname": "vm", "run_id": "${run_id}", "counts": {"startTest": [{"test": "a"}]}}`;
    await send(text);
    await watcher.hears(text);
  });

  it('hears rows in the order in which they came', async () => {
    const { run_id, send } = await running();
    const from = watcher.heard.length;
    for (let each = 0; each < 300; each += 1) await send({ data_type: 'ordered', each });
    const mine = () =>
      watcher.heard.slice(from).filter((text) => text.includes(`"${run_id}"`) && text.includes('"ordered"'));
    await until('all', () => mine().length === 300);
    expect(mine().map((text) => (JSON.parse(text) as Plain).each)).toEqual(
      Array.from({ length: 300 }, (_, each) => each),
    );
  });

  it('hears all runs, and so does every other watcher', async () => {
    const other = new Watcher(stage.places.publisher ?? '');
    const [one, two] = [await running(), await running()];
    await until('the other watcher', async () => {
      await one.send({ data_type: 'beacon' });
      return other.heard.length > 0;
    });
    const texts = [one, two].map(({ run_id }) => `{"data_type":"startTest","agent_id":"x","run_id":"${run_id}"}`);
    await one.send(texts[0] ?? '');
    await two.send(texts[1] ?? '');
    for (const text of texts) {
      await watcher.hears(text);
      await other.hears(text);
    }
    other.close();
  });

  it('hears one frame a message, and nothing that no worker sent', async () => {
    const { agent, run_id, send } = await running();
    const from = watcher.heard.length;
    const text = `{"data_type":"startTest","agent_id":"${agent.id}","run_id":"${run_id}"}`;
    for (let each = 0; each < 10; each += 1) await send(text);
    agent.workers = {};
    await watcher.hearsEnd(run_id);
    const end = `{"data_type":"run-finished","run_id":"${run_id}"}`;
    await until('all rows', () => watcher.heard.length >= from + 11);
    expect(watcher.heard.slice(from).sort()).toEqual([...Array.from({ length: 10 }, () => text), end].sort());
    expect(new Set(watcher.frames)).toEqual(new Set([1]));
  });

  it('hears whatever comes in one frame of text, as from the original, and must be able to read it', async () => {
    const { send } = await running();
    await send('{"data_type":"startTest"');
    await watcher.hears('{"data_type":"startTest"');
  });

  it('that is late finds in the counts what it has missed', async () => {
    const run = await running();
    for (let each = 0; each < 50; each += 1) await run.send({ data_type: 'early' });
    await taken(run);
    const late = new Watcher(stage.places.publisher ?? '');
    await until('the late watcher', async () => {
      await run.send({ data_type: 'later' });
      return late.heard.length > 0;
    });
    expect(late.heard.some((text) => text.includes('"early"'))).toBe(false);
    expect(await stage.counts(run.run_id)).toMatchObject({ early: 50 });
    late.close();
  });
});
