import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Stage } from './support/stage.js';
import { until } from './support/wait.js';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.clear());
afterAll(() => stage.close());

/** Registers with these words, and waits until an agent of that id is listed. */
const register = async (words: string, id: string) => {
  const agent = stage.newAgent(id);
  await agent.register(words);
  await stage.lists(id);
  return agent;
};

describe('an agent signs on', () => {
  it('in the newest words: host, process and an id of both', async () => {
    await register('{"pid":15872,"hostname":"vm","agent_id":"vm-15872"}', 'vm-15872');
    expect(await stage.listed()).toEqual({ 'vm-15872': { pid: 15_872, hostname: 'vm', agent_id: 'vm-15872' } });
  });

  it('in the words between: host and process, which is its id', async () => {
    await register('{"pid":15872,"hostname":"vm"}', '15872');
    expect(await stage.listed()).toEqual({ '15872': { pid: 15_872, hostname: 'vm', agent_id: '15872' } });
  });

  it('in the oldest words: the bare process id', async () => {
    await register('15872', '15872');
    expect(await stage.listed()).toEqual({ '15872': { pid: '15872', hostname: '?', agent_id: '15872' } });
  });

  it('with a bare word for its id, as the excerpts’ tests have it', async () => {
    await register('agent1', 'agent1');
    expect(Object.keys(await stage.listed())).toEqual(['agent1']);
  });

  it('in JSON with spaces, and with fields that nobody knows', async () => {
    await register('{ "pid" : 7 , "hostname" : "a\\/b" , "agent_id" : "a-7" , "load" : [ 1 ] }', 'a-7');
    expect(await stage.listed()).toEqual({ 'a-7': { pid: 7, hostname: 'a/b', agent_id: 'a-7' } });
  });

  it('with a process id that is text, which stays text', async () => {
    await register('{"pid":"7","hostname":"a","agent_id":"a-7"}', 'a-7');
    expect(await stage.listed()).toMatchObject({ 'a-7': { pid: '7' } });
  });

  it('without a host, and has "?" for one, as the original has', async () => {
    await register('{"pid":7,"agent_id":"x-7"}', 'x-7');
    expect(await stage.listed()).toMatchObject({ 'x-7': { hostname: '?' } });
  });

  it('beside others of the same host, and others with the same process id elsewhere', async () => {
    for (const id of ['a-1', 'a-2', 'b-1'])
      await register(JSON.stringify({ pid: Number(id.at(-1)), hostname: id[0], agent_id: id }), id);
    expect(Object.keys(await stage.listed()).sort()).toEqual(['a-1', 'a-2', 'b-1']);
  });

  it('again without a change: what it says then is ignored', async () => {
    const agent = await register('{"pid":7,"hostname":"a","agent_id":"a-7"}', 'a-7');
    await agent.register('{"pid":8,"hostname":"b","agent_id":"a-7"}');
    await agent.register('{"pid":9,"hostname":"c","agent_id":"c-9"}');
    await stage.lists('c-9');
    expect(await stage.listed()).toMatchObject({ 'a-7': { pid: 7, hostname: 'a' } });
    await agent.unregister();
    await stage.push('register').send(['UNREGISTER', 'c-9']);
  });

  it('again while it works, and keeps its run', async () => {
    const agent = await stage.agent();
    const { run_id } = await stage.run(1);
    await agent.register();
    await stage.agent();
    expect(await stage.runs()).toEqual({ [run_id]: [[agent.id, expect.any(Number)]] });
  });

  it('and hears nothing about it: registrations are not acknowledged', async () => {
    const agent = await stage.agent();
    await agent.hears('STATUS');
    // The first that it hears is a look whether it is there.
    expect(agent.told[0]?.body).toEqual({ command: 'STATUS' });
  });

  it('and can be reserved from then on', async () => {
    const agent = await register('{"pid":15872,"hostname":"vm"}', '15872');
    expect((await stage.run(1)).agents).toEqual(['15872']);
    expect((await agent.hears('RUN')).frames).toHaveLength(5);
  });
});

describe('an agent signs off', () => {
  it('with its bare id', async () => {
    const agent = await stage.agent();
    await agent.unregister();
    await stage.listsNot(agent.id);
  });

  it('and the others stay', async () => {
    const [one, two] = await stage.agents(2);
    await one?.unregister();
    await stage.listsNot(one?.id ?? '');
    expect(Object.keys(await stage.listed())).toEqual([two?.id]);
  });

  it('that nobody knows, and nothing happens', async () => {
    const agent = await stage.agent();
    const register_ = stage.push('register');
    await register_.send(['UNREGISTER', 'nobody']);
    await register_.send(['REGISTER', '77']);
    await stage.lists('77');
    expect(Object.keys(await stage.listed()).sort()).toEqual(['77', agent.id]);
    await register_.send(['UNREGISTER', '77']);
  });

  it('while it works, and its run ends when it was the last: the original leaves such a run active for ever', async () => {
    const agent = await stage.agent();
    const { run_id } = await stage.run(1);
    await agent.hears('RUN');
    await agent.unregister();
    await stage.isOver(run_id);
    expect(await stage.runs()).toEqual({});
  });

  it('while it works, and its run goes on with the others', async () => {
    const [one, two] = await stage.agents(2);
    const { run_id } = await stage.run(2);
    await one?.hears('RUN');
    await one?.unregister();
    await until('one agent', async () => (await stage.runs())[run_id]?.length === 1);
    expect((await stage.runs())[run_id]?.[0]?.[0]).toBe(two?.id);
    expect(await stage.metadata(run_id)).toMatchObject({ active: true });
  });

  it('and can sign on again', async () => {
    const agent = await stage.agent();
    await agent.unregister();
    await stage.listsNot(agent.id);
    await agent.register();
    await stage.lists(agent.id);
    expect((await stage.run(1)).agents).toEqual([agent.id]);
  });
});

describe('what comes on register and is no registration', () => {
  it('is dropped, and the next registration heard', async () => {
    const socket = stage.push('register');
    const garbage: (string | Buffer)[][] = [
      ['REGISTER'],
      ['REGISTER', '{'],
      ['REGISTER', '[]'],
      ['REGISTER', ''],
      ['REGISTER', '7', 'more'],
      ['DANCE', '{"pid":1}'],
      ['{"pid":1}'],
      [Buffer.from([0, 255, 128]), Buffer.alloc(3)],
      ['', ''],
      ['UNREGISTER'],
      ['register', '5'],
    ];
    for (const frames of garbage) await socket.send(frames);
    await socket.send(['REGISTER', '77']);
    await stage.lists('77');
    expect(Object.keys(await stage.listed())).toEqual(['77']);
    await socket.send(['UNREGISTER', '77']);
  });

  it.each(['pid', 'hostname', 'agent_id'])('is dropped for a %s of a wrong type', async (field) => {
    const socket = stage.push('register');
    for (const value of [{}, [1], true, 1.5, 'x'.repeat(1_000)])
      await socket.send(['REGISTER', JSON.stringify({ pid: 1, hostname: 'h', agent_id: 'h-1', [field]: value })]);
    await socket.send(['REGISTER', '77']);
    await stage.lists('77');
    expect(Object.keys(await stage.listed())).toEqual(['77']);
    await socket.send(['UNREGISTER', '77']);
  });

  it('is a result of an agent that nobody knows: the original lists and reserves whoever sends one', async () => {
    const worker = stage.push('receiver');
    await worker.send('{"data_type":"startTest","agent_id":"ghost-1","run_id":"haunted"}');
    await until('the row', async () => (await stage.counts('haunted')).startTest === 1);
    expect(await stage.listed()).toEqual({});
    expect(await stage.client.ask('CTRL_RUN', { agents: 1, args: {} })).toEqual({ error: 'Not enough agents' });
  });
});

describe('an agent that is gone without a word', () => {
  it('is found out when it is to run something, and the run does not wait for it', async () => {
    const agent = await stage.agent();
    agent.close();
    const { run_id } = await stage.run(1);
    await stage.isOver(run_id);
    await stage.listsNot(agent.id);
  });

  it('and comes back under its id is told what is for it', async () => {
    const agent = await stage.agent();
    agent.close();
    const again = stage.newAgent(agent.id);
    await again.register();
    const { run_id } = await stage.run(1);
    expect((await again.hears('RUN')).body.run_id).toBe(run_id);
  });
});
