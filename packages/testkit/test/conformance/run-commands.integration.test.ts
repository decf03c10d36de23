import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Stage, type Started } from './support/stage.js';
import { until } from './support/wait.js';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.clear());
afterAll(() => stage.close());

const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const NOT_ENOUGH = { error: 'Not enough agents' };
const seconds = () => Date.now() / 1_000;

describe('CTRL_RUN', () => {
  it('answers the agents that were chosen and an id of the fourth kind', async () => {
    const agents = await stage.agents(2);
    const started = await stage.run(2);
    expect(started).toEqual({ agents: expect.any(Array), run_id: expect.stringMatching(UUID4) });
    expect([...started.agents].sort()).toEqual(agents.map(({ id }) => id).sort());
  });

  it('answers once, where the original sends {"result":null} behind it', async () => {
    await stage.agent();
    const answers = await stage.dealer().answersTo('CTRL_RUN', { agents: 1, args: {} });
    expect(answers).toEqual([{ result: { agents: [expect.any(String)], run_id: expect.any(String) } }]);
  });

  it('is refused with "Not enough agents" when fewer are free, once', async () => {
    await stage.agent();
    expect(await stage.dealer().answersTo('CTRL_RUN', { agents: 2, args: {} })).toEqual([NOT_ENOUGH]);
  });

  it('is refused when nobody is there', async () => {
    expect(await stage.client.ask('CTRL_RUN', { agents: 1, args: {} })).toEqual(NOT_ENOUGH);
  });

  it('that is refused leaves nothing behind, and tells no agent', async () => {
    const agent = await stage.agent();
    const before = await stage.client.result('CTRL_GET_RUNS');
    expect(await stage.client.ask('CTRL_RUN', { agents: 5, args: {} })).toEqual(NOT_ENOUGH);
    expect(await stage.runs()).toEqual({});
    expect(await stage.client.result('CTRL_GET_RUNS')).toEqual(before);
    expect(agent.of('RUN')).toEqual([]);
    expect((await stage.run(1)).agents).toEqual([agent.id]);
  });

  it('asked for no agents is refused', async () => {
    expect(await stage.client.ask('CTRL_RUN', { agents: 0, args: {} })).toEqual({
      error: [expect.stringContaining('agents')],
    });
  });

  it('is RUN in the words of the oldest generation', async () => {
    const agent = await stage.agent();
    expect(await stage.client.result<Started>('RUN', { agents: 1, args: {} })).toEqual({
      agents: [agent.id],
      run_id: expect.stringMatching(UUID4),
    });
  });

  it('takes every id once', async () => {
    await stage.agents(10);
    const ids = await Promise.all(
      Array.from({ length: 10 }, () => stage.another().result<Started>('CTRL_RUN', { agents: 1, args: {} })),
    );
    expect(new Set(ids.map(({ run_id }) => run_id)).size).toBe(10);
    expect(new Set(ids.flatMap(({ agents }) => agents)).size).toBe(10);
  });
});

describe('CTRL_LIST_RUNS', () => {
  it('answers an empty object when nothing runs', async () => {
    expect(await stage.client.ask('CTRL_LIST_RUNS')).toEqual({ result: {} });
  });

  it('answers each run’s agents, and when each began, in seconds', async () => {
    const before = seconds();
    await stage.agents(3);
    const [one, two] = [await stage.run(1), await stage.run(2)];
    const runs = await stage.runs();
    expect(Object.keys(runs).sort()).toEqual([one.run_id, two.run_id].sort());
    expect(runs[two.run_id]?.map(([id]) => id).sort()).toEqual([...two.agents].sort());
    for (const [, since] of Object.values(runs).flat()) {
      expect(since).toBeGreaterThanOrEqual(before);
      expect(since).toBeLessThanOrEqual(seconds());
    }
  });

  it('is LISTRUNS in the words of the oldest generation', async () => {
    await stage.agent();
    await stage.run(1);
    expect(await stage.client.result('LISTRUNS')).toEqual(await stage.runs());
  });

  it('leaves out a run that is over', async () => {
    const agent = await stage.agent();
    const { run_id } = await stage.run(1);
    await agent.hears('RUN');
    agent.workers = {};
    await stage.isOver(run_id);
    expect(await stage.runs()).toEqual({});
  });
});

describe('CTRL_STOP_RUN', () => {
  it('answers the agents that are told to stop', async () => {
    await stage.agents(2);
    const { agents, run_id } = await stage.run(2);
    const stopped = await stage.client.result<string[]>('CTRL_STOP_RUN', { run_id });
    expect([...stopped].sort()).toEqual([...agents].sort());
    await stage.isOver(run_id);
  });

  it('tells agents {"command":"STOP"} and nothing else', async () => {
    const agent = await stage.agent();
    const { run_id } = await stage.run(1);
    await stage.client.result('CTRL_STOP_RUN', { run_id });
    expect((await agent.hears('STOP')).text).toBe('{"command":"STOP"}');
  });

  it('is answered before the agents have stopped', async () => {
    const agent = await stage.agent();
    const { run_id } = await stage.run(1);
    await agent.hears('RUN');
    agent.answers = false;
    expect(await stage.client.result('CTRL_STOP_RUN', { run_id })).toEqual([agent.id]);
    expect(await stage.metadata(run_id)).toMatchObject({ active: true });
  });

  it('leaves agents of other runs alone', async () => {
    const agents = await stage.agents(2);
    const [one, two] = [await stage.run(1), await stage.run(1)];
    await stage.client.result('CTRL_STOP_RUN', { run_id: one.run_id });
    await stage.isOver(one.run_id);
    expect(Object.keys(await stage.runs())).toEqual([two.run_id]);
    expect(agents.find(({ id }) => id === two.agents[0])?.of('STOP')).toEqual([]);
  });

  it('is STOPRUN in the words of the oldest generation', async () => {
    const agent = await stage.agent();
    const { run_id } = await stage.run(1);
    expect(await stage.client.result('STOPRUN', { run_id })).toEqual([agent.id]);
    await agent.hears('STOP');
  });

  it('of a run that is over answers an empty list', async () => {
    await stage.agent();
    const { run_id } = await stage.run(1);
    await stage.client.result('CTRL_STOP_RUN', { run_id });
    await stage.isOver(run_id);
    expect(await stage.client.result('CTRL_STOP_RUN', { run_id })).toEqual([]);
  });

  it('of a run without agents notes that it is stopped, not active, and when it ended', async () => {
    await stage.client.result('CTRL_UPDATE_METADATA', { run_id: 'left', fields: { active: true, started: 1 } });
    expect(await stage.client.result('CTRL_STOP_RUN', { run_id: 'left' })).toEqual([]);
    expect(await stage.metadata('left')).toEqual({
      started: 1,
      active: false,
      stopped: true,
      ended: expect.any(Number),
    });
  });

  it('of a run that nobody knows makes its metadata, as the original does', async () => {
    expect(await stage.client.result('CTRL_STOP_RUN', { run_id: 'unheard' })).toEqual([]);
    expect(await stage.metadata('unheard')).toEqual({ active: false, stopped: true, ended: expect.any(Number) });
  });
});

describe('CTRL_GET_METADATA', () => {
  it('answers an empty object for a run that nobody knows', async () => {
    expect(await stage.client.ask('CTRL_GET_METADATA', { run_id: 'nobody' })).toEqual({ result: {} });
  });

  it('answers all arguments of a run, the receiver, when it started, and that it is active', async () => {
    await stage.agent();
    const before = seconds();
    const args = {
      fqn: 'a.b.C.test',
      hits: '10:20',
      users: [1, 2],
      duration: null,
      project_name: 'p',
      nested: { a: [1] },
    };
    const { run_id } = await stage.run(1, args);
    const { started, ...rest } = await stage.metadata(run_id);
    expect(rest).toEqual({ ...args, zmq_receiver: stage.places.receiver, active: true });
    expect(started).toBeGreaterThanOrEqual(before);
    expect(started).toBeLessThanOrEqual(seconds());
  });

  it('answers stopped, not active, and when it ended, after the end', async () => {
    const agent = await stage.agent();
    const { run_id } = await stage.run(1, { fqn: 'x' });
    await agent.hears('RUN');
    agent.workers = {};
    await stage.isOver(run_id);
    const { started, ended, ...rest } = await stage.metadata(run_id);
    expect(rest).toEqual({ fqn: 'x', zmq_receiver: stage.places.receiver, active: false, stopped: true });
    expect(ended as number).toBeGreaterThanOrEqual(started as number);
  });

  it('is GET_METADATA in the words of the oldest generation', async () => {
    await stage.agent();
    const { run_id } = await stage.run(1, { fqn: 'x' });
    expect(await stage.client.result('GET_METADATA', { run_id })).toEqual(await stage.metadata(run_id));
  });

  it('answers has_data once there is some', async () => {
    const agent = await stage.agent();
    const { run_id } = await stage.run(1);
    expect(await stage.metadata(run_id)).not.toHaveProperty('has_data');
    await stage.push('receiver').send(JSON.stringify({ data_type: 'startTest', agent_id: agent.id, run_id }));
    await until('data', async () => (await stage.metadata(run_id)).has_data === 1);
  });

  it('shows no password that came with the arguments, which the original shows to everybody', async () => {
    const agent = await stage.agent();
    const { run_id } = await stage.run(1, { observer_email_password: 'geheim', fqn: 'x' });
    expect(await stage.metadata(run_id)).toMatchObject({ observer_email_password: '***', fqn: 'x' });
    expect((await agent.hears('RUN')).body.args).toMatchObject({ fqn: 'x' });
  });
});

describe('what the original has in its database only', () => {
  it('is asked by CTRL_GET_RUNS: the ids of all runs', async () => {
    await stage.agent();
    const { run_id } = await stage.run(1);
    expect(await stage.client.result('CTRL_GET_RUNS')).toContain(run_id);
  });

  it('is asked by CTRL_UPDATE_METADATA, which merges', async () => {
    await stage.client.result('CTRL_UPDATE_METADATA', { run_id: 'merged', fields: { a: 1, b: 2 } });
    expect(await stage.client.ask('CTRL_UPDATE_METADATA', { run_id: 'merged', fields: { b: 3 } })).toEqual({
      result: null,
    });
    expect(await stage.metadata('merged')).toEqual({ a: 1, b: 3 });
  });

  it('is asked by CTRL_DELETE_RUN, which removes everything of a run that is over', async () => {
    await stage.client.result('CTRL_UPDATE_METADATA', { run_id: 'removed', fields: { a: 1 } });
    expect(await stage.client.ask('CTRL_DELETE_RUN', { run_id: 'removed' })).toEqual({ result: null });
    expect(await stage.metadata('removed')).toEqual({});
    expect(await stage.client.result('CTRL_GET_RUNS')).not.toContain('removed');
  });

  it('is refused by CTRL_DELETE_RUN while the run goes on', async () => {
    await stage.agent();
    const { run_id } = await stage.run(1);
    expect(await stage.client.ask('CTRL_DELETE_RUN', { run_id })).toEqual({
      error: [expect.stringContaining('not over')],
    });
    expect(await stage.metadata(run_id)).toMatchObject({ active: true });
  });
});
