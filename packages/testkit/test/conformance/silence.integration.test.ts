import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Stage } from './support/stage.js';
import { until } from './support/wait.js';
import { Watcher } from './support/watcher.js';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open('--agent-timeout-ms', '500');
});
afterEach(() => stage.clear());
afterAll(() => stage.close());

describe('an agent that does not answer for the timeout', () => {
  it('is told {"command":"QUIT"}, in five frames', async () => {
    const agent = await stage.agent();
    await stage.run(1);
    await agent.hears('RUN');
    agent.answers = false;
    const { text, frames } = await agent.hears('QUIT');
    expect(text).toBe('{"command":"QUIT"}');
    expect(frames).toHaveLength(5);
  });

  it('loses its run, which ends, and watchers hear of it', async () => {
    const watcher = new Watcher(stage.places.publisher ?? '');
    const agent = await stage.agent();
    const { run_id } = await stage.run(1);
    await agent.hears('RUN');
    agent.answers = false;
    await watcher.hearsEnd(run_id);
    watcher.close();
    expect(await stage.metadata(run_id)).toMatchObject({ active: false, stopped: true });
  });

  it('is not listed any more, where the original goes on to reserve it', async () => {
    const agent = await stage.agent();
    await stage.run(1);
    await agent.hears('RUN');
    agent.answers = false;
    await stage.listsNot(agent.id);
    // The original looks for another one without end when only such agents are left.
    expect(await stage.client.ask('CTRL_RUN', { agents: 1, args: {} })).toEqual({ error: 'Not enough agents' });
  });

  it('leaves the run to the others', async () => {
    const [one, two] = await stage.agents(2);
    const { run_id } = await stage.run(2);
    await one?.hears('RUN');
    if (one !== undefined) one.answers = false;
    await stage.listsNot(one?.id ?? '');
    expect(await stage.runs()).toEqual({ [run_id]: [[two?.id, expect.any(Number)]] });
    expect(await stage.metadata(run_id)).toMatchObject({ active: true });
  });

  it('loses its run also when its results go on: only answers count', async () => {
    const agent = await stage.agent();
    const { run_id } = await stage.run(1);
    await agent.hears('RUN');
    agent.answers = false;
    const worker = stage.push('receiver');
    await until('the end', async () => {
      await worker.send(JSON.stringify({ data_type: 'add_tick', agent_id: agent.id, run_id }));
      return (await stage.metadata(run_id)).active === false;
    });
  });

  it('is named in the log, with its run', async () => {
    const agent = await stage.agent();
    const { run_id } = await stage.run(1);
    await agent.hears('RUN');
    agent.answers = false;
    await stage.isOver(run_id);
    await until('a line', () => stage.broker.said().includes(`agent ${agent.id} loses run ${run_id}`));
  });

  it('can sign on again, and work', async () => {
    const agent = await stage.agent();
    await stage.run(1);
    await agent.hears('RUN');
    agent.answers = false;
    await agent.hears('QUIT');
    await stage.listsNot(agent.id);
    agent.answers = true;
    agent.workers = {};
    await agent.register();
    await stage.lists(agent.id);
    const { run_id } = await stage.run(1);
    expect((await agent.hears('RUN', 1)).body.run_id).toBe(run_id);
  });
});

describe('an agent that answers', () => {
  it('keeps its run beyond the timeout', async () => {
    const agent = await stage.agent();
    const { run_id } = await stage.run(1);
    // A poll each 100 ms, so the timeout is over several times.
    await agent.hears('_STATUS', 12);
    expect(Object.keys(await stage.runs())).toEqual([run_id]);
    expect(agent.of('QUIT')).toEqual([]);
  });

  it('and has no run is not sent away for being idle', async () => {
    const agent = await stage.agent();
    await agent.hears('STATUS', 3);
    expect(Object.keys(await stage.listed())).toEqual([agent.id]);
    expect(agent.of('QUIT')).toEqual([]);
  });
});
