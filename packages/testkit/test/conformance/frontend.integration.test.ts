import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Plain } from './support/client.js';
import { Stage } from './support/stage.js';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open('--heartbeat', 'tcp://127.0.0.1:*', '--heartbeat-ms', '600000');
});
afterEach(() => stage.clear());
afterAll(() => stage.close());

const INVALID = { error: 'Invalid JSON received.' };
/** An error in the original's form for exceptions: a list of texts, the first of which says what. */
const listed = (text: string | RegExp) => ({ error: [expect.stringMatching(text)] });

describe('frames on the frontend', () => {
  it('a REQ gets one frame of JSON', async () => {
    expect(JSON.parse(await stage.client.text('{"command":"LIST"}'))).toEqual({ result: {} });
  });

  it('a DEALER gets an empty frame and the answer', async () => {
    const dealer = stage.dealer();
    await dealer.send('', '{"command":"LIST"}');
    const [gap, body, ...more] = await dealer.receive();
    expect([gap?.byteLength, String(body), more]).toEqual([0, '{"result":{}}', []]);
  });

  it('a DEALER that sends no empty frame is answered with one', async () => {
    const dealer = stage.dealer();
    await dealer.send('{"command":"LIST"}');
    expect(await dealer.answer()).toEqual({ result: {} });
  });

  it('only the last frame is read, whatever stands before it', async () => {
    expect(await stage.client.say(['{"command":"NOPE"}', 'x', '{"command":"LIST"}'])).toEqual({ result: {} });
  });

  it('many questions of one DEALER have one answer each', async () => {
    const dealer = stage.dealer();
    for (let each = 0; each < 100; each += 1) await dealer.send('', `{"command":"NOPE-${each}"}`);
    const answers = [];
    for (let each = 0; each < 100; each += 1) answers.push((await dealer.answer()).error);
    expect(answers.sort()).toEqual(Array.from({ length: 100 }, (_, each) => `unknown command NOPE-${each}`).sort());
    expect(await dealer.answersTo('LIST')).toEqual([{ result: {} }]);
  });

  it('clients that ask at the same time get their own answers', async () => {
    const clients = Array.from({ length: 20 }, () => stage.another());
    const answers = await Promise.all(clients.map((client, each) => client.ask(`NOPE-${each}`)));
    expect(answers).toEqual(clients.map((_, each) => ({ error: `unknown command NOPE-${each}` })));
  });

  it('a client that leaves without its answer disturbs nobody', async () => {
    const gone = stage.dealer();
    await gone.send('', '{"command":"PING"}');
    gone.close();
    expect(await stage.client.ask('LIST')).toEqual({ result: {} });
  });
});

describe('JSON on the frontend', () => {
  it('may have spaces, as the standard encoder writes it', async () => {
    expect(await stage.client.say(' { "command" : "LIST" ,\n "x" : [ 1 , 2 ] } ')).toEqual({ result: {} });
  });

  it('may have slashes escaped, as ujson writes them, or not', async () => {
    await stage.client.say('{"command":"CTRL_UPDATE_METADATA","run_id":"slashes","fields":{"a":"http:\\/\\/x\\/"}}');
    await stage.client.say('{"command":"CTRL_UPDATE_METADATA","run_id":"slashes","fields":{"b":"http://x/"}}');
    expect(await stage.metadata('slashes')).toEqual({ a: 'http://x/', b: 'http://x/' });
  });

  it('may have letters of all kinds, plain or escaped', async () => {
    await stage.client.say(
      '{"command":"CTRL_UPDATE_METADATA","run_id":"letters","fields":{"a":"é€😀","b":"\\u00e9\\ud83d\\ude00"}}',
    );
    expect(await stage.metadata('letters')).toEqual({ a: 'é€😀', b: 'é😀' });
  });

  it('may have its fields in any order, and others that nobody knows', async () => {
    expect(await stage.client.say('{"zzz":{"a":[]},"run_id":"none","command":"CTRL_GET_COUNTS"}')).toEqual({
      result: {},
    });
  });

  it('that does not parse is called invalid, in the original’s words', async () => {
    for (const text of ['{', 'nope', '{"command":', "{'command':'PING'}", 'PING'])
      expect(await stage.client.say(text)).toEqual(INVALID);
  });

  it('that is empty is called invalid', async () => {
    expect(await stage.client.say('')).toEqual(INVALID);
  });

  it('that is no object is answered with an error, where the original says nothing', async () => {
    for (const text of ['[]', '"PING"', '7', 'null', 'true', '["command","PING"]'])
      expect(await stage.client.say(text)).toEqual({ error: [expect.any(String)] });
  });

  it('without a command is answered with an error, where the original says nothing', async () => {
    expect(await stage.client.say('{"run_id":"x"}')).toEqual(listed('command'));
  });

  it('with a command of a wrong type is answered with an error', async () => {
    for (const command of [7, null, [], {}, true])
      expect(await stage.client.say(JSON.stringify({ command }))).toEqual(listed('command'));
  });

  it('nested deeper than 32 is refused, and the next question answered', async () => {
    const deep = `{"command":"LIST","x":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
    expect(await stage.client.say(deep)).toEqual(listed('nested'));
    expect(await stage.client.ask('LIST')).toEqual({ result: {} });
  });

  it('over a mebibyte that is no RUN is refused, and the next question answered', async () => {
    expect(await stage.client.ask('LIST', { x: 'x'.repeat(1_100_000) })).toEqual(listed('bytes'));
    expect(await stage.client.ask('LIST')).toEqual({ result: {} });
  });
});

describe('a command that is none', () => {
  it('is named in the error, in the original’s words', async () => {
    expect(await stage.client.ask('DANCE')).toEqual({ error: 'unknown command DANCE' });
  });

  it('of the controller gets a list that begins with "nope"', async () => {
    const { error } = await stage.client.ask('CTRL_DANCE');
    expect(error).toEqual(['nope', expect.stringContaining('CTRL_DANCE')]);
  });

  it('is not looked up among the methods of the broker: no client disconnects the agents of all', async () => {
    const agent = await stage.agent();
    for (const name of [
      'UNREGISTER_AGENTS',
      'REGISTER_AGENT',
      'TEST_ENDED',
      'CLEAN',
      '_ASSOCIATE',
      '__INIT__',
      'CONSTRUCTOR',
    ])
      expect(await stage.client.ask(`CTRL_${name}`, { agent_id: agent.id })).toEqual({
        error: ['nope', expect.any(String)],
      });
    expect(Object.keys(await stage.listed())).toEqual([agent.id]);
  });

  it('is one also when its case differs, except behind CTRL_, where the original does not look at it', async () => {
    expect(await stage.client.ask('ping')).toEqual({ error: 'unknown command ping' });
    expect(await stage.client.ask('CTRL_list_runs')).toEqual({ result: {} });
    expect(await stage.client.ask('CTRL_Get_Counts', { run_id: 'none' })).toEqual({ result: {} });
  });
});

describe('an error', () => {
  it('about a missing field names it', async () => {
    for (const name of ['STOP_RUN', 'GET_METADATA', 'GET_COUNTS', 'GET_URLS', 'GET_DATA', 'GET_ERRORS', 'DELETE_RUN'])
      expect(await stage.client.ask(`CTRL_${name}`), name).toEqual(listed('run_id'));
    expect(await stage.client.ask('CTRL_RUN', { args: {} })).toEqual(listed('agents'));
    expect(await stage.client.ask('CTRL_RUN', { agents: 1 })).toEqual(listed('args'));
    for (const name of ['STATUS', 'STOP', 'QUIT', 'RUN'])
      expect(await stage.client.ask(`CTRL_AGENT_${name}`), name).toEqual(listed('agent_id'));
  });

  it('has no traceback and no path of the broker in it', async () => {
    const bodies = [
      '{"command":"CTRL_GET_DATA"}',
      '{"command":"CTRL_RUN","agents":[],"args":7}',
      '{"command":"CTRL_NONE"}',
    ];
    for (const body of bodies) {
      const text = await stage.client.text(body);
      expect(text).toContain('"error"');
      expect(text).not.toMatch(/\.[jt]s\b|\.py\b|File "|\bat .*:\d+|node_modules|Traceback/);
    }
  });

  it.each([
    ['agents', 'CTRL_RUN', { args: {} }],
    ['args', 'CTRL_RUN', { agents: 1 }],
    ['filedata', 'CTRL_RUN', { agents: 1, args: {} }],
    ['run_id', 'CTRL_STOP_RUN', {}],
    ['run_id', 'CTRL_GET_METADATA', {}],
    ['data_type', 'CTRL_GET_DATA', { run_id: 'a' }],
    ['groupby', 'CTRL_GET_DATA', { run_id: 'a' }],
    ['start', 'CTRL_GET_DATA', { run_id: 'a' }],
    ['size', 'CTRL_GET_DATA', { run_id: 'a' }],
    ['agent_id', 'CTRL_AGENT_STOP', {}],
  ])('answers a %s of a wrong type in %s with its name', async (field, command, fields) => {
    for (const value of [[[]], -1.5])
      expect(await stage.client.ask(command, { ...fields, [field]: value })).toEqual(listed(field));
  });

  it('answers a run id that would leave a folder, and nothing is written', async () => {
    const before = await readdir(dirname(stage.folder));
    for (const run_id of ['../x', '..', 'a/b', '/etc/passwd', 'a\\b', 'a\u0000b', ''])
      for (const command of ['CTRL_STOP_RUN', 'CTRL_GET_METADATA', 'CTRL_GET_DATA', 'CTRL_DELETE_RUN'])
        expect(await stage.client.ask(command, { run_id })).toEqual(listed('run_id'));
    expect(await readdir(stage.folder)).toEqual(['data']);
    expect((await readdir(dirname(stage.folder))).filter((name) => !before.includes(name) && name === 'x')).toEqual([]);
  });
});

describe('PING', () => {
  it('answers the process id, the endpoints and the agents', async () => {
    const agent = await stage.agent();
    const { pid, endpoints, agents } = await stage.client.result('PING');
    expect(pid).toBe(stage.broker.pid);
    expect(agents).toEqual({ [agent.id]: agent.info });
    expect(endpoints).toMatchObject({
      frontend: expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+$/),
      backend: expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+$/),
      register: expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+$/),
      receiver: expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+$/),
      publisher: expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+$/),
      heartbeat: expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+$/),
    });
  });

  it('says nothing of versions to a client that does not ask for them', async () => {
    expect(Object.keys(await stage.client.result('PING')).sort()).toEqual(['agents', 'endpoints', 'pid']);
  });

  it('lets fields through that it does not know', async () => {
    expect(await stage.client.result('PING', { agent_id: 'x', x: null })).toMatchObject({ pid: stage.broker.pid });
  });

  it('names endpoints that may all be ipc, and peers learn them from one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'muster-ipc-'));
    const names = ['frontend', 'backend', 'register', 'receiver', 'publisher', 'events', 'heartbeat'];
    const ipc = await Stage.open(...names.flatMap((name) => [`--${name}`, `ipc://${folder}/${name}.ipc`]));
    try {
      for (const [name, place] of Object.entries(ipc.places)) expect(place).toBe(`ipc://${folder}/${name}.ipc`);
      const agent = await ipc.agent();
      const { run_id } = await ipc.run(1);
      expect((await agent.hears('RUN')).body.run_id).toBe(run_id);
    } finally {
      await ipc.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('names no heartbeat where there is none', async () => {
    const plain = await Stage.open();
    try {
      expect(Object.keys(plain.places)).not.toContain('heartbeat');
    } finally {
      await plain.close();
    }
  });
});

describe('LIST', () => {
  it('answers what PING calls agents', async () => {
    await stage.agents(3);
    const { agents } = await stage.client.result('PING');
    expect(await stage.listed()).toEqual(agents);
    expect(Object.keys(agents as Plain)).toHaveLength(3);
  });

  it('answers an empty object when nobody is there', async () => {
    expect(await stage.client.ask('LIST')).toEqual({ result: {} });
  });
});
