import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentStage } from './support/agent-stage.js';
import { FakeBroker } from './support/fake-broker.js';
import { startProgram } from './support/program.js';
import { until } from './support/wait.js';

let stage: AgentStage;
beforeAll(async () => {
  stage = await AgentStage.open();
});
afterAll(() => stage.close());

const CLIENT = Buffer.from([0, 255, 128, 10, 7]);
const self = () => ({ hostname: hostname(), agent_id: stage.agent, pid: stage.program.pid });

describe('an agent of ours at a broker of the original', () => {
  it('asks the frontend in JSON where everything is, behind an empty frame', () => {
    const [gap, body, ...more] = stage.broker.questions[0] ?? [];
    expect([gap?.byteLength, more]).toEqual([0, []]);
    expect(JSON.parse(String(body))).toMatchObject({ command: 'PING' });
  });

  it('registers with its process, its host, and an id of both', () => {
    const [verb, info, ...more] = stage.broker.registrations[0] ?? [];
    expect([verb, more]).toEqual(['REGISTER', []]);
    expect(JSON.parse(info ?? '')).toEqual({ ...self(), agent_id: `${hostname()}-${stage.program.pid}` });
  });

  it('has its id for a name on the backend', async () => {
    expect(String((await stage.ask({ command: 'STATUS' })).frames[0])).toBe(stage.agent);
  });

  it('answers in five frames: its name, nothing, its id, nothing, JSON', async () => {
    await stage.broker.tell(stage.agent, { command: '_STATUS', run_id: 'alone' });
    const { frames } = await until('an answer', () => stage.broker.said.find((said) => said.frames.length === 5));
    expect(frames.slice(0, 4).map(String)).toEqual([stage.agent, '', stage.agent, '']);
    expect(frames).toHaveLength(5);
  });

  it('answers for a client in seven, with the client’s id as it came, whatever bytes it has', async () => {
    const { frames } = await stage.ask({ command: 'STATUS' }, CLIENT);
    expect(frames).toHaveLength(7);
    expect(frames[4]).toEqual(CLIENT);
    expect([frames[1], frames[3], frames[5]].map((frame) => frame?.byteLength)).toEqual([0, 0, 0]);
  });

  it('says who it is in every answer', async () => {
    expect((await stage.ask({ command: 'STATUS' })).body).toEqual({
      result: { status: {}, command: 'STATUS' },
      ...self(),
    });
    expect((await stage.ask({ command: 'DANCE' })).body).toMatchObject(self());
  });

  it('answers STATUS and _STATUS each with its own name', async () => {
    expect(await stage.result({ command: 'STATUS' })).toEqual({ status: {}, command: 'STATUS' });
    expect(await stage.result({ command: '_STATUS' })).toEqual({ status: {}, command: '_STATUS' });
  });

  it('reads JSON with spaces and escaped slashes, and lets fields through that it does not know', async () => {
    const text = '{ "command" : "STATUS" , "path" : "a\\/b", "agents": 7, "async": false, "run_id": null }';
    expect((await stage.ask(text)).body.result).toEqual({ status: {}, command: 'STATUS' });
  });

  it('answers a command that it does not know with an error, where the original says nothing', async () => {
    expect((await stage.ask({ command: 'DANCE' })).body.error).toEqual({
      agent_id: stage.agent,
      error: 'unknown command DANCE',
    });
  });

  it('answers what it can not read with an error, where the original says nothing', async () => {
    for (const text of ['{', '', '[]', '"RUN"', '{}', '{"command":7}'])
      expect((await stage.ask(text)).body.error, text).toMatchObject({ agent_id: stage.agent });
    expect(await stage.status()).toEqual({});
  });

  it.each(['args', 'run_id', 'filedata'])(
    'answers RUN with %s of a wrong type with an error that names it',
    async (field) => {
      const order = { command: 'RUN', run_id: 'r', args: { test_runner: 'true' }, filedata: '' };
      for (const value of [7, ['a'], { a: { b: 1 } }]) {
        if (field === 'args' && !Array.isArray(value) && typeof value === 'object') continue;
        const { error } = (await stage.ask({ ...order, [field]: value })).body as { error: { error: string } };
        expect(error.error).toContain(field);
      }
    },
  );

  it('tells no line of its code in an error', async () => {
    const { body } = await stage.ask({ command: 'RUN', run_id: 'r', args: { users: 'x' } });
    expect(JSON.stringify(body.error)).not.toMatch(/\.[jt]s:\d|\bat .*:\d+|node_modules/);
  });

  it('answers many commands at once, each once and in their order', async () => {
    const from = stage.broker.said.length;
    for (let each = 0; each < 50; each += 1)
      await stage.broker.tell(stage.agent, { command: each % 2 ? 'STATUS' : '_STATUS' });
    await until('50 answers', () => stage.broker.said.length >= from + 50);
    const commands = stage.broker.said.slice(from).map(({ body }) => (body.result as { command: string }).command);
    expect(commands).toEqual(Array.from({ length: 50 }, (_, each) => (each % 2 ? 'STATUS' : '_STATUS')));
  });

  it('answers STOP when it does nothing', async () => {
    expect(await stage.result({ command: 'STOP' })).toEqual({ status: {}, command: 'STOP' });
  });

  it('registers again, and answers, when the broker comes back under another name: the original’s answers are lost', async () => {
    const own = await AgentStage.open([], { name: '4711' });
    try {
      const { places } = own.broker;
      await own.status();
      own.broker.close();
      own.broker = await FakeBroker.open({ name: '4712', places });
      expect(await own.broker.agent()).toBe(own.agent);
      // Frame 0 is what the answer goes to: the name in frame 2 is one that its socket does not know.
      expect(await own.result({ command: '_STATUS' })).toEqual({ status: {}, command: '_STATUS' });
    } finally {
      await own.close();
    }
  });

  it('waits for a broker that is not there yet, where the original gives up after 20 s', async () => {
    // One that is killed leaves even a private folder behind.
    const folder = await mkdtemp(join(tmpdir(), 'muster-talk-'));
    // A path in a folder of our own: a port that is free now may be another's when the broker comes.
    const frontend = `ipc://${join(folder, 'front.ipc')}`;
    const program = startProgram('agent', ['--broker', frontend, '--data', join(folder, 'data')]);
    try {
      await until('its start', () => program.said().includes('"msg"'));
      const broker = await FakeBroker.open({ places: { frontend } });
      expect(await broker.agent()).toBe(`${hostname()}-${program.pid}`);
      broker.close();
    } finally {
      await program.end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    }
  });
});
