import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as zmq from 'zeromq';
import type { Agent } from './support/agent.js';
import { Stage } from './support/stage.js';
import { until } from './support/wait.js';
import { Watcher } from './support/watcher.js';

let stage: Stage;
let watcher: Watcher;
beforeAll(async () => {
  stage = await Stage.open();
  watcher = new Watcher(stage.places.publisher ?? '');
});
afterEach(() => stage.clear());
afterAll(async () => {
  watcher.close();
  await stage.close();
});

const isOn = async (run_id: string): Promise<boolean> => run_id in (await stage.runs());
const started = async (args: object = {}, more: object = {}) => {
  const agent = await stage.agent();
  const { run_id } = await stage.run(1, args, more);
  return { agent, run_id, run: await agent.hears('RUN') };
};
/** What the agent says of its workers from now on has been heard, and acted on. */
const heard = async (agent: Agent): Promise<void> => {
  await agent.hearsMore('_STATUS', 3);
};

describe('RUN to an agent', () => {
  it('has five frames: the broker’s name, nothing, the same name, nothing, JSON', async () => {
    const { run } = await started();
    expect(run.frames).toHaveLength(5);
    expect(run.frames[0]?.byteLength).toBeGreaterThan(0);
    expect(run.frames[2]).toEqual(run.frames[0]);
    expect([run.frames[1]?.byteLength, run.frames[3]?.byteLength]).toEqual([0, 0]);
  });

  it('has what the client sent, the run id and the receiver', async () => {
    const filedata = Buffer.from('zip').toString('base64');
    const args = { fqn: 'a.b.C.test', hits: '10:20', users: [1, 2], duration: null, text: 'é/"' };
    const { run, run_id } = await started(args, { filedata, async: true, other: { a: [1] } });
    expect(run.body).toEqual({
      command: 'RUN',
      run_id,
      agents: 1,
      async: true,
      other: { a: [1] },
      filedata,
      args: { ...args, zmq_receiver: stage.places.receiver },
    });
  });

  it('says RUN whatever name the client used, and has no started and no active', async () => {
    const agent = await stage.agent();
    await stage.client.result('RUN', { agents: 1, args: { x: 1 } });
    const { body } = await agent.hears('RUN');
    expect(body).toMatchObject({ command: 'RUN' });
    expect(Object.keys(body.args as object).sort()).toEqual(['x', 'zmq_receiver']);
  });

  it('puts its own receiver in the place of one that the client named', async () => {
    const { run } = await started({ zmq_receiver: 'tcp://127.0.0.1:1' });
    expect(run.body.args).toEqual({ zmq_receiver: stage.places.receiver });
  });

  it('carries files of many megabytes to each agent', async () => {
    const [one, two] = await stage.agents(2);
    const filedata = 'QUJD'.repeat(2_000_000);
    await stage.run(2, {}, { filedata });
    expect((await one?.hears('RUN'))?.body.filedata).toBe(filedata);
    expect((await two?.hears('RUN'))?.body.filedata).toBe(filedata);
  });

  it('comes once, and before the first question about it', async () => {
    const { agent, run_id } = await started();
    await agent.hears('_STATUS', 2);
    const about = agent.told.filter(({ body }) => body.run_id === run_id).map(({ body }) => body.command);
    expect(about.slice(0, 2)).toEqual(['RUN', '_STATUS']);
    expect(about.filter((command) => command === 'RUN')).toHaveLength(1);
  });
});

describe('reservation', () => {
  it('takes so many of those that are free, and any of them', async () => {
    const agents = await stage.agents(3);
    const taken = new Set<string>();
    // Each of three is left out of 40 draws once in ten million times.
    for (let turn = 0; turn < 40; turn += 1) {
      const { agents: chosen, run_id } = await stage.run(1);
      for (const id of chosen) taken.add(id);
      await stage.client.result('CTRL_STOP_RUN', { run_id });
      await stage.isOver(run_id);
    }
    expect([...taken].sort()).toEqual(agents.map(({ id }) => id).sort());
  });

  it('takes nobody twice: runs at the same time have different agents', async () => {
    await stage.agents(4);
    const [one, two] = [await stage.run(2), await stage.run(2)];
    expect(new Set([...one.agents, ...two.agents]).size).toBe(4);
    expect(await stage.client.ask('CTRL_RUN', { agents: 1, args: {} })).toEqual({ error: 'Not enough agents' });
  });

  it('takes an agent again when its run is over', async () => {
    const { agent, run_id } = await started();
    await stage.client.result('CTRL_STOP_RUN', { run_id });
    await stage.isOver(run_id);
    expect((await stage.run(1)).agents).toEqual([agent.id]);
  });
});

describe('polling', () => {
  it('asks a working agent {"command":"_STATUS","run_id":…} in five frames, again and again', async () => {
    const { agent, run_id } = await started();
    const { frames, text } = await agent.hears('_STATUS', 3);
    expect(frames).toHaveLength(5);
    expect(text).toBe(`{"command":"_STATUS","run_id":"${run_id}"}`);
  });

  it('asks no _STATUS of an agent that has no run', async () => {
    const [one, two] = await stage.agents(2);
    const { agents } = await stage.run(1);
    const [busy, idle] = agents[0] === one?.id ? [one, two] : [two, one];
    await busy?.hears('_STATUS', 5);
    expect(idle?.of('_STATUS')).toEqual([]);
  });

  it('stops when the run is over', async () => {
    const { agent, run_id } = await started();
    await stage.client.result('CTRL_STOP_RUN', { run_id });
    await stage.isOver(run_id);
    const before = agent.of('_STATUS').length;
    await agent.hears('STATUS', 1);
    expect(agent.of('_STATUS').length - before).toBeLessThanOrEqual(1);
  });
});

describe('a run goes on', () => {
  it('while a worker says that it runs', async () => {
    const { agent, run_id } = await started();
    agent.workers = { '1': { status: 'terminated', run_id }, '2': { status: 'running', run_id } };
    await heard(agent);
    expect(await isOn(run_id)).toBe(true);
  });

  it('while a worker’s status is the plain text "running", as in older generations', async () => {
    const { agent, run_id } = await started();
    agent.workers = { '1': 'running' };
    await heard(agent);
    expect(await isOn(run_id)).toBe(true);
    agent.workers = { '1': 'terminated' };
    await stage.isOver(run_id);
  });

  it('while one of its agents works', async () => {
    const [one, two] = await stage.agents(2);
    const { run_id } = await stage.run(2);
    await one?.hears('RUN');
    if (one !== undefined) one.workers = {};
    await until('one agent', async () => (await stage.runs())[run_id]?.length === 1);
    expect((await stage.runs())[run_id]?.[0]?.[0]).toBe(two?.id);
    expect(await stage.metadata(run_id)).toMatchObject({ active: true });
  });

  it('when a client asks for a status before RUN has arrived: the answer ends nothing, where it does in the original', async () => {
    const agent = await stage.agent();
    agent.answers = false;
    await stage.client.result('CTRL_AGENT_STATUS', { agent_id: agent.id });
    const early = await agent.hears('_STATUS');
    const { run_id } = await stage.run(1);
    const run = await agent.hears('RUN');
    await agent.reply(early, { result: { status: {}, command: '_STATUS' }, ...agent.info });
    agent.workers = { '5': { status: 'running', run_id } };
    agent.answers = true;
    await agent.reply(run, { result: { pids: [5], command: 'RUN' }, ...agent.info });
    await heard(agent);
    expect(await isOn(run_id)).toBe(true);
  });

  it('when an agent says what is no JSON, or no answer', async () => {
    const { agent, run_id, run } = await started();
    for (const text of ['{', 'x', '[]', '7', '{}', '{"result":7}', '{"result":{"command":"_STATUS","status":7}}'])
      await agent.reply(run, text);
    await heard(agent);
    expect(await isOn(run_id)).toBe(true);
  });

  it('when somebody else speaks in its agent’s name', async () => {
    const { agent, run_id, run } = await started();
    const stranger = new zmq.Dealer({ routingId: 'stranger', linger: 0 });
    stranger.connect(stage.places.backend ?? '');
    const body = { result: { status: {}, command: '_STATUS' }, ...agent.info };
    await stranger.send(['', agent.id, '', JSON.stringify(body)]);
    await stranger.send([run.frames[0] ?? '', '', agent.id, '', JSON.stringify(body)]);
    await heard(agent);
    stranger.close();
    expect(await isOn(run_id)).toBe(true);
  });
});

describe('a run ends', () => {
  it('when its agent has no workers', async () => {
    const { agent, run_id } = await started();
    agent.workers = {};
    await stage.isOver(run_id);
    expect(await stage.runs()).toEqual({});
  });

  it('when all of its workers are terminated', async () => {
    const { agent, run_id } = await started();
    agent.workers = { '1': { status: 'terminated', run_id }, '2': { status: 'terminated', run_id } };
    await stage.isOver(run_id);
  });

  it('when workers run for another run only', async () => {
    const { agent, run_id } = await started();
    agent.workers = { '1': { status: 'running', run_id: 'another' } };
    await stage.isOver(run_id);
  });

  it('at the answer to STOP, without waiting for a poll', async () => {
    const { agent, run_id } = await started();
    await stage.client.result('CTRL_STOP_RUN', { run_id });
    await agent.hears('STOP');
    await stage.isOver(run_id);
  });

  it('when an agent answers RUN with an error, which the original does not hear; the metadata say why', async () => {
    const agent = await stage.agent();
    agent.toRun = { error: { agent_id: agent.id, error: 'boom\nTraceback' }, ...agent.info };
    agent.workers = { '1': { status: 'running' } };
    const { run_id } = await stage.run(1);
    await stage.isOver(run_id);
    expect(await stage.metadata(run_id)).toMatchObject({ errors: { [agent.id]: 'boom\nTraceback' } });
  });

  it('with an error that is a text or a list, as well', async () => {
    for (const error of ['boom', ['boom', 'line 1']]) {
      const agent = await stage.agent();
      agent.toRun = { error, ...agent.info };
      agent.workers = { '1': { status: 'running' } };
      const { run_id } = await stage.run(1);
      await stage.isOver(run_id);
      const { errors } = (await stage.metadata(run_id)) as { errors: Record<string, string> };
      expect(errors[agent.id]).toContain('boom');
      await agent.unregister();
      await stage.listsNot(agent.id);
    }
  });

  it('and watchers hear {"data_type":"run-finished","run_id":…}, once and in one frame', async () => {
    const { agent, run_id } = await started();
    const text = `{"data_type":"run-finished","run_id":"${run_id}"}`;
    agent.workers = {};
    await watcher.hears(text);
    await agent.hears('STATUS', 1);
    expect(watcher.heard.filter((each) => each === text)).toHaveLength(1);
    expect(new Set(watcher.frames)).toEqual(new Set([1]));
  });

  it('and its metadata say so before watchers hear of it', async () => {
    const { agent, run_id } = await started();
    agent.workers = {};
    await watcher.hearsEnd(run_id);
    expect(await stage.metadata(run_id)).toMatchObject({ active: false, stopped: true });
  });

  it('for those of its agents that are left when one goes, and then for all', async () => {
    const [one, two] = await stage.agents(2);
    const { run_id } = await stage.run(2);
    await two?.hears('RUN');
    await one?.unregister();
    if (two !== undefined) two.workers = {};
    await watcher.hearsEnd(run_id);
  });
});

describe('an agent’s socket', () => {
  it('may be a DEALER as well as a ROUTER: on the wire it is the same', async () => {
    const dealer = new zmq.Dealer({ routingId: 'd-1', linger: 0, receiveTimeout: 15_000 });
    dealer.connect(stage.places.backend ?? '');
    await stage.push('register').send(['REGISTER', '{"pid":1,"hostname":"d","agent_id":"d-1"}']);
    await stage.lists('d-1');
    const { run_id } = await stage.run(1);
    for (;;) {
      const frames = await dealer.receive();
      const { command } = JSON.parse(String(frames.at(-1))) as { command: string };
      expect(frames).toHaveLength(4);
      const result = { command, status: {} };
      await dealer.send(['', 'd-1', '', JSON.stringify({ result, hostname: 'd', agent_id: 'd-1', pid: 1 })]);
      if (command === '_STATUS') break;
    }
    await stage.isOver(run_id);
    dealer.close();
    await stage.push('register').send(['UNREGISTER', 'd-1']);
  });

  it('may send what has too few or too many frames, and is not cut off', async () => {
    const { agent, run_id, run } = await started();
    const raw = new zmq.Dealer({ routingId: 'raw', linger: 0 });
    raw.connect(stage.places.backend ?? '');
    for (const frames of [['x'], ['', ''], ['', 'raw', ''], Array.from({ length: 9 }, () => 'x')])
      await raw.send(frames);
    await agent.reply(run, '{}');
    await heard(agent);
    raw.close();
    expect(await isOn(run_id)).toBe(true);
  });
});
