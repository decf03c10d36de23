import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as zmq from 'zeromq';
import { Stage } from './support/stage.js';
import { until } from './support/wait.js';

let stage: Stage;
let listener: zmq.Subscriber;
const heard: string[] = [];
const frames: number[] = [];

beforeAll(async () => {
  stage = await Stage.open('--heartbeat', 'tcp://127.0.0.1:*', '--heartbeat-ms', '100');
  listener = new zmq.Subscriber({ linger: 0 });
  listener.connect(stage.places.heartbeat ?? '');
  listener.subscribe('');
  void (async () => {
    for await (const message of listener) {
      frames.push(message.length);
      heard.push(String(message[0]));
    }
  })().catch(() => undefined);
});
afterEach(() => stage.clear());
afterAll(async () => {
  listener.close();
  await stage.close();
});

/** Waits for the n-th `REGISTER` from now on. */
const registers = async (times: number): Promise<void> => {
  const before = heard.filter((beat) => beat === 'REGISTER').length;
  await until('REGISTER', () => heard.filter((beat) => beat === 'REGISTER').length >= before + times);
};

describe('the heartbeat', () => {
  it('is BEAT and REGISTER, each in one frame', async () => {
    await until('beats', () => heard.length >= 8);
    expect(new Set(heard)).toEqual(new Set(['BEAT', 'REGISTER']));
    expect(new Set(frames)).toEqual(new Set([1]));
  });

  it('is REGISTER and four times BEAT, again and again', async () => {
    await until('two rounds', () => heard.length >= 16);
    const from = heard.indexOf('REGISTER');
    expect(heard.slice(from, from + 11)).toEqual([
      ...['REGISTER', 'BEAT', 'BEAT', 'BEAT', 'BEAT'],
      ...['REGISTER', 'BEAT', 'BEAT', 'BEAT', 'BEAT'],
      'REGISTER',
    ]);
  });

  it('at REGISTER makes idle agents sign on again: one that does not is forgotten', async () => {
    const agent = await stage.agent();
    await registers(1);
    await stage.listsNot(agent.id);
  });

  it('at REGISTER leaves an agent in the list that signs on again, where the original forgets it for a moment', async () => {
    const agent = await stage.agent();
    const own = new zmq.Subscriber({ linger: 0 });
    own.connect(stage.places.heartbeat ?? '');
    own.subscribe('');
    const answering = (async () => {
      // As the original: at either word.
      for await (const _ of own) await agent.register();
    })().catch(() => undefined);
    let looks = 0;
    const until_ = registers(5).then(() => 'over');
    while ((await Promise.race([until_, Promise.resolve('on')])) === 'on') {
      expect(Object.keys(await stage.listed())).toEqual([agent.id]);
      looks += 1;
    }
    own.close();
    await answering;
    expect(looks).toBeGreaterThan(10);
  });

  it('at REGISTER drops no agent that works, nor its run: the original loses both', async () => {
    const agent = await stage.agent();
    const { run_id } = await stage.run(1);
    // Longer than an idle one would get to sign on again.
    await registers(5);
    expect(Object.keys(await stage.listed())).toEqual([agent.id]);
    expect(await stage.runs()).toEqual({ [run_id]: [[agent.id, expect.any(Number)]] });
    expect(await stage.client.result('CTRL_STOP_RUN', { run_id })).toEqual([agent.id]);
    await stage.isOver(run_id);
  });
});
