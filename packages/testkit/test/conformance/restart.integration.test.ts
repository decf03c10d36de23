import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Agent, Told } from './support/agent.js';
import { type Runs, Stage } from './support/stage.js';
import { until } from './support/wait.js';
import { Watcher } from './support/watcher.js';

let stage: Stage;
let agent: Agent;
let run_id: string;
let before: Runs;
let firstPoll: Told;
let first: Readonly<Record<string, string>>;

/** One broker is killed while a run goes on; the cases look at the one that takes its place, one after the other. */
beforeAll(async () => {
  stage = await Stage.open();
  agent = await stage.agent();
  ({ run_id } = await stage.run(1, { fqn: 'a.b' }));
  const worker = stage.push('receiver');
  for (let each = 0; each < 10; each += 1)
    await worker.send(JSON.stringify({ data_type: 'add_tick', agent_id: agent.id, run_id }));
  await until('rows', async () => (await stage.counts(run_id)).add_tick === 10);
  worker.close();
  firstPoll = await agent.hears('_STATUS');
  before = await stage.runs();
  first = stage.places;
  await stage.restart('SIGKILL');
});
afterAll(() => stage.close());

const isHeard = async (watcher: Watcher): Promise<void> => {
  const worker = stage.push('receiver');
  await until('a watcher', async () => {
    await worker.send('{"data_type":"add_tick","agent_id":"x","run_id":"beacon"}');
    return watcher.heard.length > 0;
  });
};

describe('a broker that is killed and started again', () => {
  it('has the endpoints that it had', () => {
    expect(stage.places).toEqual(first);
  });

  it('has the agents that it had, without their signing on again', async () => {
    expect(await stage.listed()).toEqual({ [agent.id]: agent.info });
  });

  it('has the runs that it had', async () => {
    expect(await stage.runs()).toEqual(before);
  });

  it('has the metadata that it had', async () => {
    expect(await stage.metadata(run_id)).toMatchObject({ fqn: 'a.b', active: true, started: expect.any(Number) });
  });

  it('has the name that its agents know, so what they answer arrives: in the original nothing does', async () => {
    const again = await agent.hearsMore('_STATUS', 3);
    expect(again.frames[0]).toEqual(firstPoll.frames[0]);
    expect(again.frames[2]).toEqual(firstPoll.frames[2]);
  });

  it('gives no agent away that works', async () => {
    expect(await stage.client.ask('CTRL_RUN', { agents: 1, args: {} })).toEqual({ error: 'Not enough agents' });
  });

  it('reaches an agent by its name', async () => {
    expect(await stage.client.ask('CTRL_AGENT_QUIT', { agent_id: agent.id })).toMatchObject({
      result: { status: { [Number(agent.info.pid) * 10]: { status: 'running' } }, command: 'QUIT' },
    });
  });

  it('counts on from where it was: in the original counts begin again', async () => {
    const worker = stage.push('receiver');
    await worker.send(JSON.stringify({ data_type: 'add_tick', agent_id: agent.id, run_id }));
    await until('the row', async () => (await stage.counts(run_id)).add_tick === 11);
  });

  it('tells watchers of the end of that run', async () => {
    const watcher = new Watcher(stage.places.publisher ?? '');
    await isHeard(watcher);
    agent.workers = {};
    await watcher.hearsEnd(run_id);
    watcher.close();
    expect(await stage.metadata(run_id)).toMatchObject({ active: false, stopped: true });
  });
});

describe('a broker that is ended and started again', () => {
  it('does not take up what was over, not even when late results come', async () => {
    const ended = await stage.metadata(run_id);
    await stage.restart('SIGTERM');
    const worker = stage.push('receiver');
    await worker.send(JSON.stringify({ data_type: 'add_late', agent_id: agent.id, run_id }));
    await until('the row', async () => (await stage.counts(run_id)).add_late === 1);
    expect(await stage.runs()).toEqual({});
    expect(await stage.metadata(run_id)).toEqual(ended);
    expect((await stage.run(1)).agents).toEqual([agent.id]);
  });
});
