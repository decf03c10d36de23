import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as zmq from 'zeromq';
import { type Broker, startBroker } from '../../src/start-broker.js';
import { RawAgent, RawClient, until } from '../peers.js';
import { type Body, OriginalAgent, OriginalClient, watchPublisher } from './original-peers.js';

let folder: string;
let broker: Broker;
let client: OriginalClient;
const closing: { close(): unknown }[] = [];
const kept = <T extends { close(): unknown }>(one: T): T => {
  closing.push(one);
  return one;
};

const start = (over: object = {}) =>
  startBroker({
    data: folder,
    frontend: 'tcp://127.0.0.1:*',
    logLevel: 'silent',
    pollMs: 100,
    agentTimeoutMs: 1_000,
    heartbeat: 'tcp://127.0.0.1:*',
    heartbeatMs: 60_000,
    ...over,
  });
const listed = async (): Promise<string[]> => Object.keys((await client.result('LIST')) as Body).sort();
const agent = async (pid: number, info?: unknown): Promise<OriginalAgent> => {
  const made = kept(new OriginalAgent(broker, pid));
  await made.register(info);
  const expected = info === undefined ? made.id : null;
  if (expected !== null) await waitUntil(async () => (await listed()).includes(expected));
  return made;
};
const waitUntil = async (look: () => Promise<boolean>): Promise<void> => {
  const end = performance.now() + 15_000;
  while (!(await look())) {
    if (performance.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
const run = async (agents: number, args: object = {}, more: object = {}) =>
  (await client.result('CTRL_RUN', { agents, args, ...more })) as { agents: string[]; run_id: string };
const metadata = async (id: string) => (await client.result('CTRL_GET_METADATA', { run_id: id })) as Body;
const runs = async () => (await client.result('CTRL_LIST_RUNS')) as Record<string, [string, number][]>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-original-'));
  broker = await start();
  client = new OriginalClient(broker.endpoints.frontend);
});
afterEach(async () => {
  client.close();
  for (const each of closing.splice(0)) await each.close();
  await broker.close();
  await rm(folder, { recursive: true, force: true });
});

describe('an agent of the original', () => {
  it('signs on in the words of each generation, is listed, and signs off', async () => {
    const newest = await agent(1);
    await agent(2, { pid: 2, hostname: 'other' });
    await agent(3, '33');
    await waitUntil(async () => (await listed()).length === 3);
    expect(await client.result('LIST')).toEqual({
      'vm-1': { pid: 1, hostname: 'vm', agent_id: 'vm-1' },
      '2': { pid: 2, hostname: 'other', agent_id: '2' },
      '33': { pid: '33', hostname: '?', agent_id: '33' },
    });
    expect(await client.result('PING')).toMatchObject({
      pid: process.pid,
      agents: { 'vm-1': { pid: 1 } },
      endpoints: { heartbeat: expect.stringMatching(/^tcp:/) },
    });
    await newest.unregister();
    await waitUntil(async () => !(await listed()).includes('vm-1'));
  });

  it('signs on over the backend too', async () => {
    const backend = kept(new zmq.Dealer({ routingId: 'vm-9', linger: 0 }));
    backend.connect(broker.endpoints.backend);
    await backend.send(['REGISTER', JSON.stringify({ pid: 9, hostname: 'vm', agent_id: 'vm-9' })]);
    await waitUntil(async () => (await listed()).includes('vm-9'));
    await backend.send(['', 'UNREGISTER', 'vm-9']);
    await waitUntil(async () => (await listed()).length === 0);
  });

  it('hears a heartbeat that makes idle agents sign on again, and drops none that works', async () => {
    await broker.close();
    broker = await start({ heartbeatMs: 200 });
    client.close();
    client = new OriginalClient(broker.endpoints.frontend);
    const beats = kept(new zmq.Subscriber({ linger: 0 }));
    beats.connect(broker.endpoints.heartbeat ?? '');
    beats.subscribe('');
    const busy = await agent(1);
    await agent(2);
    const started = await run(1);
    const heard: string[] = [];
    for await (const [beat] of beats) {
      heard.push(String(beat));
      if (heard.length === 11) break;
    }
    const from = heard.indexOf('REGISTER');
    expect(heard.slice(from, from + 6)).toEqual(['REGISTER', 'BEAT', 'BEAT', 'BEAT', 'BEAT', 'REGISTER']);
    const worker = started.agents[0] ?? '';
    await waitUntil(async () => (await listed()).join() === worker);
    expect(await runs()).toEqual({ [started.run_id]: [[worker, expect.any(Number)]] });
    expect(busy.of('QUIT')).toEqual([]);
  });
});

describe('a client of the original', () => {
  it('may be a DEALER that asks many things at once: each has one answer, in the frames of the question', async () => {
    await agent(1);
    const dealer = kept(new zmq.Dealer({ linger: 0, receiveTimeout: 10_000 }));
    dealer.connect(broker.endpoints.frontend);
    const questions = [
      '{"command":"PING"}',
      '{ "command" : "CTRL_RUN" , "agents" : 1 , "args" : { "fqn" : "a\\/b" } }',
      '{"command":"CTRL_RUN","agents":5,"args":{}}',
      '{"command":"NOPE"}',
      'no json',
      '{}',
      '{"command":"LIST"}',
    ];
    for (const question of questions) await dealer.send(['', question]);
    const answers: Body[] = [];
    for (const _ of questions) {
      const [gap, body, ...more] = await dealer.receive();
      expect([gap?.byteLength, more]).toEqual([0, []]);
      answers.push(JSON.parse(String(body)) as Body);
    }
    expect(answers.filter((answer) => answer.error === 'Not enough agents')).toHaveLength(1);
    expect(answers.filter(({ result }) => (result as Body | undefined)?.run_id !== undefined)).toHaveLength(1);
    await dealer.send(['', '{"command":"CTRL_LIST_RUNS"}']);
    const [, last] = await dealer.receive();
    const listedRuns = (JSON.parse(String(last)) as { result: Body }).result;
    const [run_id = ''] = Object.keys(listedRuns);
    expect(await metadata(run_id)).toMatchObject({ fqn: 'a/b' });
  });
});

describe('a run of the original', () => {
  it('is refused as a whole when too few agents are free', async () => {
    await agent(1);
    expect(await client.ask('CTRL_RUN', { agents: 2, args: {} })).toEqual({ error: 'Not enough agents' });
    expect(await runs()).toEqual({});
    expect((await run(1)).agents).toEqual(['vm-1']);
    expect(await client.ask('RUN', { agents: 1, args: {} })).toEqual({ error: 'Not enough agents' });
  });

  it('goes to each agent in the original frames, with what the client gave', async () => {
    const one = await agent(1);
    const filedata = Buffer.from('zip').toString('base64');
    const { run_id } = await run(1, { hits: '10', fqn: 'a.b.C' }, { filedata, async: true, extra: [1] });
    expect(run_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const { frames, body } = await one.hears('RUN');
    expect(frames).toHaveLength(5);
    expect(frames.map(String).slice(0, 4)).toEqual([String(frames[0]), '', String(frames[0]), '']);
    expect(body).toEqual({
      command: 'RUN',
      run_id,
      agents: 1,
      async: true,
      extra: [1],
      filedata,
      args: { hits: '10', fqn: 'a.b.C', zmq_receiver: broker.endpoints.receiver },
    });
    expect(await metadata(run_id)).toEqual({
      hits: '10',
      fqn: 'a.b.C',
      zmq_receiver: broker.endpoints.receiver,
      started: expect.any(Number),
      active: true,
    });
    expect(await runs()).toEqual({ [run_id]: [['vm-1', expect.any(Number)]] });
  });

  it('is polled with its id, and over when no agent has a running worker: watchers hear it, metadata say it', async () => {
    const watcher = kept(watchPublisher(broker));
    const [one, two] = [await agent(1), await agent(2)];
    const { run_id } = await run(2);
    expect((await one.hears('_STATUS')).text).toBe(`{"command":"_STATUS","run_id":"${run_id}"}`);
    await two.hears('_STATUS', 2);
    one.workers = {};
    await waitUntil(async () => (await runs())[run_id]?.length === 1);
    expect(await metadata(run_id)).toMatchObject({ active: true });
    two.workers = { '20': { status: 'terminated', run_id } };
    await until('the end', () => watcher.heard.includes(`{"data_type":"run-finished","run_id":"${run_id}"}`));
    expect(await metadata(run_id)).toMatchObject({ active: false, stopped: true, ended: expect.any(Number) });
    expect(await runs()).toEqual({});
    expect((await run(2)).agents.sort()).toEqual(['vm-1', 'vm-2']);
  });

  it('is stopped by its agents; a run without agents is only noted to be over', async () => {
    const one = await agent(1);
    const { run_id } = await run(1);
    await one.hears('RUN');
    expect(await client.result('CTRL_STOP_RUN', { run_id })).toEqual(['vm-1']);
    expect((await one.hears('STOP')).text).toBe('{"command":"STOP"}');
    await waitUntil(async () => (await metadata(run_id)).active === false);
    expect(await client.result('STOPRUN', { run_id })).toEqual([]);
    expect(await client.result('CTRL_STOP_RUN', { run_id: 'lost' })).toEqual([]);
    expect(await metadata('lost')).toEqual({ stopped: true, active: false, ended: expect.any(Number) });
  });

  it('loses an agent that does not answer, which is told to quit', async () => {
    const one = await agent(1);
    one.answers = false;
    const { run_id } = await run(1);
    expect((await one.hears('QUIT')).text).toBe('{"command":"QUIT"}');
    await waitUntil(async () => (await metadata(run_id)).active === false);
    expect(await listed()).toEqual([]);
  });

  it('goes on when the broker is started again, and its agents’ answers arrive', async () => {
    const one = await agent(1);
    const { run_id } = await run(1);
    await one.hears('_STATUS');
    await broker.close();
    broker = await start({ heartbeat: undefined });
    client.close();
    client = new OriginalClient(broker.endpoints.frontend);
    expect(await runs()).toEqual({ [run_id]: [['vm-1', expect.any(Number)]] });
    expect(await listed()).toEqual(['vm-1']);
    expect(await client.ask('CTRL_RUN', { agents: 1, args: {} })).toEqual({ error: 'Not enough agents' });
    const before = one.told.length;
    await until('polls of the new broker', () => one.told.length > before + 3);
    expect(Object.keys(await runs())).toEqual([run_id]);
    one.workers = {};
    await waitUntil(async () => Object.keys(await runs()).length === 0);
    expect(await metadata(run_id)).toMatchObject({ started: expect.any(Number), active: false, stopped: true });
  });

  it('may bring many megabytes of files', async () => {
    const [one, two] = [await agent(1), await agent(2)];
    const filedata = 'A'.repeat(20 * 1_024 * 1_024);
    await run(2, {}, { filedata });
    expect((await one.hears('RUN')).body.filedata).toBe(filedata);
    expect((await two.hears('RUN')).body.filedata).toBe(filedata);
    expect(await client.ask('CTRL_STOP_RUN', { run_id: 'x', filedata })).toEqual({
      error: [expect.stringContaining('bytes')],
    });
  });

  it('has rows, and gives them back', async () => {
    await agent(1);
    const { run_id } = await run(1);
    const worker = kept(new zmq.Push({ linger: 100 }));
    worker.connect(broker.endpoints.receiver);
    const row = { data_type: 'add_hit', url: 'http://x/', method: 'GET', status: 200, started: 's', elapsed: 0.1 };
    const watcher = kept(watchPublisher(broker));
    const beacon = () => worker.send(JSON.stringify({ data_type: 'beacon', agent_id: 'vm-1', run_id: 'beacon' }));
    await waitUntil(async () => {
      await beacon();
      return watcher.heard.length > 0;
    });
    const text = `{ "data_type" : "add_hit", "url" : "http:\\/\\/x\\/", "method":"GET","status":200,"started":"s","elapsed":0.1,"agent_id":"vm-1","run_id":"${run_id}"}`;
    await worker.send(text);
    await worker.send(JSON.stringify({ data_type: 'my-counter', agent_id: 'vm-1', run_id }));
    const counts = () => client.result('CTRL_GET_COUNTS', { run_id });
    await waitUntil(async () => Object.keys((await counts()) as Body).length === 2);
    expect(await counts()).toEqual({ add_hit: 1, 'my-counter': 1 });
    await until('the row, byte for byte', () => watcher.heard.includes(text));
    expect(await client.result('GET_URLS', { run_id })).toEqual({ 'http://x/': 1 });
    const rows = (await client.result('CTRL_GET_DATA', { run_id, data_type: 'add_hit' })) as Body[];
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ ...row, run_id, agent_id: 'vm-1' });
    expect(await client.result('CTRL_GET_DATA', { run_id, start: 1, size: 5 })).toHaveLength(1);
    expect(await client.result('CTRL_GET_DATA', { run_id: 'nobody' })).toEqual([]);
    await client.result('CTRL_UPDATE_METADATA', { run_id, fields: { note: 'x', smtp_password: 'geheim' } });
    expect(await metadata(run_id)).toMatchObject({ note: 'x', smtp_password: '***' });
    expect(await client.ask('CTRL_DELETE_RUN', { run_id })).toEqual({ error: [expect.stringContaining('not over')] });
  });
});

describe('a command for an agent by its name', () => {
  it('STATUS is answered at once with what the agent said last', async () => {
    const one = await agent(1);
    expect(await client.ask('CTRL_AGENT_STATUS', { agent_id: 'vm-1' })).toEqual({
      result: { status: {}, command: 'STATUS' },
    });
    const asked = await one.hears('_STATUS');
    expect(asked.frames).toHaveLength(7);
    expect(asked.body).toEqual({ command: '_STATUS', agent_id: 'vm-1' });
    one.workers = { '10': { status: 'running', run_id: null } };
    const fresh = { result: { status: one.workers, command: '_STATUS' } };
    await waitUntil(async () => {
      const answer = await client.ask('STATUS', { agent_id: 'vm-1' });
      return isDeepStrictEqual(answer, fresh);
    });
    expect(await client.ask('CTRL_AGENT_STATUS', { agent_id: 'nobody' })).toEqual({
      result: { status: {}, command: 'STATUS' },
    });
  });

  it('RUN, STOP and QUIT are answered by the agent, once', async () => {
    const one = await agent(1);
    const self = { hostname: 'vm', agent_id: 'vm-1', pid: 1 };
    expect(await client.ask('CTRL_AGENT_RUN', { agent_id: 'vm-1', args: { hits: '1' } })).toEqual({
      result: { pids: [10], agent_id: 'vm-1', command: 'RUN' },
      ...self,
    });
    expect((await one.hears('RUN')).body).toEqual({ command: 'RUN', agent_id: 'vm-1', args: { hits: '1' } });
    expect(await client.ask('CTRL_AGENT_QUIT', { agent_id: 'vm-1' })).toEqual({
      result: { command: 'QUIT', status: { '10': { status: 'running', run_id: null } } },
      ...self,
    });
    expect(await client.ask('STOP', { agent_id: 'vm-1' })).toEqual({
      result: { command: 'STOP', status: { '10': { status: 'terminated', run_id: null } } },
      ...self,
    });
    expect(await client.ask('CTRL_AGENT_QUIT', { agent_id: 'vm-1' })).toEqual({
      result: { command: 'QUIT', status: {} },
      agent_id: 'vm-1',
    });
    expect(await listed()).toEqual([]);
  });

  it('is answered when there is no such agent, or it says nothing', async () => {
    expect(await client.ask('CTRL_AGENT_STOP', { agent_id: 'nobody' })).toEqual({ error: 'unknown agent nobody' });
    const one = await agent(1);
    one.answers = false;
    expect(await client.ask('CTRL_AGENT_STOP', { agent_id: 'vm-1' })).toEqual({
      error: expect.stringContaining('did not answer STOP'),
    });
  });
});

describe('a native agent', () => {
  it('serves a run of the original together with others, and no native run meanwhile', async () => {
    const native = kept(new RawAgent(broker, 'node', '0a'.repeat(16)));
    await native.hello();
    const original = await agent(1);
    const { run_id, agents } = await run(2, { hits: '1' });
    expect([...agents].sort()).toEqual([native.id, 'vm-1'].sort());
    await original.hears('RUN');
    const told = await native.hears('original');
    expect(told.message).toEqual({
      command: 'RUN',
      run_id,
      agents: 2,
      args: { hits: '1', zmq_receiver: broker.endpoints.receiver },
    });
    native.say({ type: 'original.reply', id: told.id, message: { result: { command: 'RUN', pids: [77] } } });
    const other = kept(new RawClient(broker.endpoints.frontend));
    const bundle = await other.upload(Buffer.from('export default () => {};'));
    await expect(other.ask({ type: 'submit', bundle, name: 'x.ts' })).rejects.toMatchObject({
      code: 'NOT_ENOUGH_AGENTS',
    });
    expect(await other.ask({ type: 'agents' })).toMatchObject([{ id: native.id, state: 'running', run: run_id }]);
    const status = await until(
      'a poll',
      () =>
        native.heard.flatMap((each) =>
          each.type === 'original' && each.message.command === '_STATUS' ? [each] : [],
        )[0],
    );
    expect(status.message).toEqual({ command: '_STATUS', run_id });
    await client.result('CTRL_STOP_RUN', { run_id });
    const stop = await until(
      'STOP',
      () =>
        native.heard.flatMap((each) => (each.type === 'original' && each.message.command === 'STOP' ? [each] : []))[0],
    );
    expect(stop.message).toEqual({ command: 'STOP', run_id });
    await waitUntil(async () => (await runs())[run_id]?.length === 1);
    native.say({ type: 'original.reply', id: stop.id, message: { result: { command: 'STOP', status: {} } } });
    await waitUntil(async () => (await metadata(run_id)).active === false);
    expect(await other.ask({ type: 'agents' })).toMatchObject([{ id: native.id, state: 'free', run: null }]);
    const { run: ours } = (await other.ask({ type: 'submit', bundle, name: 'x.ts' })) as { run: string };
    expect(await client.ask('CTRL_RUN', { agents: 2, args: {} })).toEqual({ error: 'Not enough agents' });
    expect(await runs()).toEqual({ [ours]: [[native.id, expect.any(Number)]] });
    expect(await client.result('CTRL_STOP_RUN', { run_id: ours })).toEqual([native.id]);
    expect(await native.hears('abort')).toMatchObject({ run: ours });
  });
});
