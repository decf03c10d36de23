import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Stage } from './support/stage.js';
import { until } from './support/wait.js';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.clear());
afterAll(() => stage.close());

const NOTHING_YET = { result: { status: {}, command: 'STATUS' } };

describe('CTRL_AGENT_STATUS', () => {
  it('answers at once that nothing is known before the agent has said anything', async () => {
    const agent = await stage.agent();
    agent.answers = false;
    expect(await stage.client.ask('CTRL_AGENT_STATUS', { agent_id: agent.id })).toEqual(NOTHING_YET);
  });

  it('answers what the agent said last, when it is asked a second time', async () => {
    const agent = await stage.agent();
    agent.workers = { '10': { status: 'running', run_id: null } };
    await stage.client.ask('CTRL_AGENT_STATUS', { agent_id: agent.id });
    const fresh = { result: { status: agent.workers, command: '_STATUS' } };
    await until('the answer', async () =>
      isDeepStrictEqual(await stage.client.ask('CTRL_AGENT_STATUS', { agent_id: agent.id }), fresh),
    );
  });

  it('answers what polls have brought, without asking twice', async () => {
    const agent = await stage.agent();
    const { run_id } = await stage.run(1);
    await agent.hears('_STATUS', 2);
    const { result } = await stage.client.ask('CTRL_AGENT_STATUS', { agent_id: agent.id });
    expect(result).toEqual({
      status: { [`${Number(agent.info.pid) * 10}`]: { status: 'running', run_id } },
      command: '_STATUS',
    });
  });

  it('is _STATUS at the agent, with every field of the client, in seven frames with the client’s own id', async () => {
    const agent = await stage.agent();
    await stage.client.ask('CTRL_AGENT_STATUS', { agent_id: agent.id, other: [1] });
    const { frames, body } = await agent.hears('_STATUS');
    expect(body).toEqual({ command: '_STATUS', agent_id: agent.id, other: [1] });
    expect(frames).toHaveLength(7);
    expect(frames[2]).toEqual(frames[0]);
    expect([1, 3, 5].map((at) => frames[at]?.byteLength)).toEqual([0, 0, 0]);
    // A REQ gets a random id that begins with a zero.
    expect([frames[4]?.byteLength, frames[4]?.[0]]).toEqual([5, 0]);
  });

  it('of an agent that nobody knows answers that nothing is known', async () => {
    expect(await stage.client.ask('CTRL_AGENT_STATUS', { agent_id: 'nobody' })).toEqual(NOTHING_YET);
  });

  it('is STATUS with an agent_id in the words of the oldest generation', async () => {
    const agent = await stage.agent();
    expect(await stage.client.ask('STATUS', { agent_id: agent.id })).toEqual(NOTHING_YET);
    expect((await agent.hears('_STATUS')).frames).toHaveLength(7);
  });

  it('is answered once: what the agent says is kept, and not handed on', async () => {
    const agent = await stage.agent();
    const dealer = stage.dealer();
    expect(await dealer.answersTo('CTRL_AGENT_STATUS', { agent_id: agent.id })).toEqual([NOTHING_YET]);
    await agent.hears('STATUS', 0);
    expect(await dealer.answersTo('LIST')).toHaveLength(1);
  });

  it('ends no run when it comes back empty of an agent that has none', async () => {
    const [one, two] = await stage.agents(2);
    const { agents, run_id } = await stage.run(1);
    const idle = agents[0] === one?.id ? two : one;
    const busy = agents[0] === one?.id ? one : two;
    await stage.client.ask('CTRL_AGENT_STATUS', { agent_id: idle?.id });
    await idle?.hears('_STATUS');
    await busy?.hearsMore('_STATUS', 2);
    expect(Object.keys(await stage.runs())).toEqual([run_id]);
  });
});

describe('CTRL_AGENT_RUN', () => {
  it('is answered by the agent, with everything that it says beside the result', async () => {
    const agent = await stage.agent();
    expect(await stage.client.ask('CTRL_AGENT_RUN', { agent_id: agent.id, args: { fqn: 'x' } })).toEqual({
      result: { pids: [Number(agent.info.pid) * 10], agent_id: agent.id, command: 'RUN' },
      ...agent.info,
    });
  });

  it('is RUN at the agent, with every field of the client', async () => {
    const agent = await stage.agent();
    await stage.client.ask('CTRL_AGENT_RUN', {
      agent_id: agent.id,
      args: { fqn: 'x' },
      filedata: 'UEs=',
      run_id: 'mine',
    });
    const { frames, body } = await agent.hears('RUN');
    expect(body).toEqual({ command: 'RUN', agent_id: agent.id, args: { fqn: 'x' }, filedata: 'UEs=', run_id: 'mine' });
    expect(frames).toHaveLength(7);
  });

  it('is RUN with an agent_id in the words of the oldest generation', async () => {
    const agent = await stage.agent();
    const { result } = await stage.client.ask('RUN', { agent_id: agent.id, args: {} });
    expect(result).toMatchObject({ command: 'RUN', agent_id: agent.id });
  });

  it('starts no run of the broker’s own', async () => {
    const agent = await stage.agent();
    await stage.client.ask('CTRL_AGENT_RUN', { agent_id: agent.id, args: {} });
    expect(await stage.runs()).toEqual({});
  });

  it('is answered with what the agent could not do, where the original never answers', async () => {
    const agent = await stage.agent();
    agent.toRun = { error: { agent_id: agent.id, error: 'boom' }, ...agent.info };
    expect(await stage.client.ask('CTRL_AGENT_RUN', { agent_id: agent.id, args: {} })).toEqual({
      error: expect.stringContaining('boom'),
    });
  });
});

describe('CTRL_AGENT_STOP', () => {
  it('is answered by the agent, where the original never answers', async () => {
    const agent = await stage.agent();
    await stage.client.ask('CTRL_AGENT_RUN', { agent_id: agent.id, args: {} });
    expect(await stage.client.ask('CTRL_AGENT_STOP', { agent_id: agent.id })).toEqual({
      result: { status: { [Number(agent.info.pid) * 10]: { status: 'terminated', run_id: null } }, command: 'STOP' },
      ...agent.info,
    });
  });

  it('ends the agent’s part in a run', async () => {
    const agent = await stage.agent();
    const { run_id } = await stage.run(1);
    await agent.hears('RUN');
    await stage.client.ask('CTRL_AGENT_STOP', { agent_id: agent.id });
    await stage.isOver(run_id);
  });

  it('is STOP with an agent_id in the words of the oldest generation', async () => {
    const agent = await stage.agent();
    expect(await stage.client.ask('STOP', { agent_id: agent.id })).toMatchObject({ result: { command: 'STOP' } });
    expect((await agent.hears('STOP')).body).toEqual({ command: 'STOP', agent_id: agent.id });
  });
});

describe('CTRL_AGENT_QUIT', () => {
  it('is answered by an agent that works and stays, where the original never answers', async () => {
    const agent = await stage.agent();
    agent.workers = { '10': { status: 'running', run_id: null } };
    expect(await stage.client.ask('CTRL_AGENT_QUIT', { agent_id: agent.id })).toEqual({
      result: { status: agent.workers, command: 'QUIT' },
      ...agent.info,
    });
    expect(Object.keys(await stage.listed())).toEqual([agent.id]);
  });

  it('is answered for an agent that leaves without a word, and is listed no more', async () => {
    const agent = await stage.agent();
    expect(await stage.client.ask('CTRL_AGENT_QUIT', { agent_id: agent.id })).toMatchObject({
      result: { status: {}, command: 'QUIT' },
    });
    expect(await stage.listed()).toEqual({});
  });

  it('brings force to the agent: one that works leaves too, and its run ends', async () => {
    const agent = await stage.agent();
    const { run_id } = await stage.run(1);
    await agent.hears('RUN');
    expect(await stage.client.ask('CTRL_AGENT_QUIT', { agent_id: agent.id, force: true })).toHaveProperty('result');
    expect(agent.of('QUIT')[0]?.body).toEqual({ command: 'QUIT', agent_id: agent.id, force: true });
    await stage.isOver(run_id);
  });

  it('is QUIT with an agent_id in the words of the oldest generation', async () => {
    const agent = await stage.agent();
    agent.workers = { '10': 'running' };
    expect(await stage.client.ask('QUIT', { agent_id: agent.id })).toMatchObject({ result: { command: 'QUIT' } });
  });
});

describe('a command for an agent by its name', () => {
  it('is refused for an agent that nobody knows', async () => {
    for (const command of ['CTRL_AGENT_RUN', 'CTRL_AGENT_STOP', 'CTRL_AGENT_QUIT'])
      expect(await stage.client.ask(command, { agent_id: 'nobody' })).toEqual({ error: 'unknown agent nobody' });
  });

  it('that is none is answered, where the original leaves the client without one', async () => {
    const agent = await stage.agent();
    expect(await stage.client.ask('CTRL_AGENT_DANCE', { agent_id: agent.id })).toEqual({
      error: ['nope', expect.stringContaining('CTRL_AGENT_DANCE')],
    });
    expect(agent.of('DANCE')).toEqual([]);
  });

  it('finds its agent by a number too, as in the generations of bare process ids', async () => {
    const agent = stage.newAgent('4711');
    await agent.register('{"pid":4711,"hostname":"vm"}');
    await stage.lists('4711');
    expect(await stage.client.ask('CTRL_AGENT_STOP', { agent_id: 4_711 })).toMatchObject({
      result: { command: 'STOP' },
    });
  });

  it('is answered to the client that asked, when several ask', async () => {
    const agents = await stage.agents(4);
    const answers = await Promise.all(
      agents.map(({ id }) => stage.another().ask('CTRL_AGENT_RUN', { agent_id: id, args: {} })),
    );
    expect(answers.map(({ agent_id }) => agent_id)).toEqual(agents.map(({ id }) => id));
  });

  it('is answered once each, when one client asks for many things at once', async () => {
    const agent = await stage.agent();
    const dealer = stage.dealer();
    for (let each = 0; each < 10; each += 1)
      await dealer.send('', JSON.stringify({ command: 'CTRL_AGENT_RUN', agent_id: agent.id, args: {} }));
    for (let each = 0; each < 10; each += 1) expect(await dealer.answer()).toHaveProperty('result.pids');
    expect(await dealer.answersTo('LIST')).toHaveLength(1);
  });

  it('is answered after a while when the agent says nothing, and not again when it does', async () => {
    const agent = await stage.agent();
    agent.answers = false;
    const dealer = stage.dealer();
    await dealer.send('', JSON.stringify({ command: 'CTRL_AGENT_STOP', agent_id: agent.id }));
    const told = await agent.hears('STOP');
    expect(await dealer.answer()).toEqual({ error: expect.stringContaining('did not answer STOP') });
    await agent.reply(told, { result: { status: {}, command: 'STOP' }, ...agent.info });
    expect(await dealer.answersTo('LIST')).toHaveLength(1);
  });
});
