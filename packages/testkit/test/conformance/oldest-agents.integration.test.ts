import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as zmq from 'zeromq';
import { OldAgent } from './support/old-agent.js';
import { Stage } from './support/stage.js';

let stage: Stage;
let agent: OldAgent;
beforeAll(async () => {
  stage = await Stage.open();
});
afterEach(async () => {
  agent?.close();
  await stage.push('register').send(['UNREGISTER', '4711']);
  await stage.listsNot('4711');
  await stage.clear();
});
afterAll(() => stage.close());

const oldAgent = async (): Promise<OldAgent> => {
  agent = new OldAgent(stage.places.backend ?? '', '4711');
  await stage.push('register').send(['REGISTER', '4711']);
  await stage.lists('4711');
  return agent;
};

describe('a REP, which agents of the two oldest generations have', () => {
  /** What becomes of a connection between a socket of today's library and an endpoint. */
  const shakesHands = async (socket: zmq.Reply | zmq.Dealer, endpoint: string): Promise<string> => {
    const said = new Promise<string>((resolve) => {
      socket.events.on('handshake', () => resolve('accepted'));
      socket.events.on('handshake:error:protocol', () => resolve('refused'));
      socket.events.on('handshake:error:other', () => resolve('refused'));
      socket.events.on('disconnect', () => resolve('refused'));
    });
    socket.connect(endpoint);
    try {
      return await said;
    } finally {
      socket.close();
    }
  };

  it('is refused by a ROUTER when its library is of today: by anybody’s ROUTER, not only ours', async () => {
    const backend = stage.places.backend ?? '';
    expect(await shakesHands(new zmq.Dealer({ linger: 0 }), backend)).toBe('accepted');
    expect(await shakesHands(new zmq.Reply({ linger: 0 }), backend)).toBe('refused');
    const router = new zmq.Router({ linger: 0 });
    await router.bind('tcp://127.0.0.1:*');
    expect(await shakesHands(new zmq.Reply({ linger: 0 }), router.lastEndpoint ?? '')).toBe('refused');
    router.close();
  });
});

describe('an agent of the two oldest generations on a library of its time', () => {
  it('is told of a run in frames that a REP can answer, and ends it', async () => {
    const old = await oldAgent();
    const { agents, run_id } = await stage.run(1, { fqn: 'x' });
    expect(agents).toEqual(['4711']);
    expect(await old.hears('RUN')).toMatchObject({ run_id, args: { fqn: 'x', zmq_receiver: stage.places.receiver } });
    await old.hears('_STATUS');
    expect(Object.keys(await stage.runs())).toEqual([run_id]);
    // One frame before the empty one: the way back.
    expect(new Set(old.ways.map((way) => way.length))).toEqual(new Set([1]));
    old.workers = {};
    await stage.isOver(run_id);
  });

  it('is stopped', async () => {
    const old = await oldAgent();
    const { run_id } = await stage.run(1);
    await old.hears('RUN');
    expect(await stage.client.result('STOPRUN', { run_id })).toEqual(['4711']);
    await stage.isOver(run_id);
  });

  it('answers the client that asks for it by its name', async () => {
    const old = await oldAgent();
    expect(await stage.client.ask('RUN', { agent_id: '4711', args: {} })).toMatchObject({
      result: { pids: [7], command: 'RUN' },
    });
    expect(await stage.client.ask('STOP', { agent_id: '4711' })).toMatchObject({ result: { command: 'STOP' } });
    // Those two came the client's way, whose id begins with a zero; the broker may have asked how it is in between.
    expect(old.ways.filter((way) => way[0]?.[0] === 0)).toHaveLength(2);
  });
});
