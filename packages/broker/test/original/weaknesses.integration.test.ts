import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as zmq from 'zeromq';
import { type Broker, startBroker } from '../../src/start-broker.js';
import { RawClient, until } from '../peers.js';
import { type Body, OriginalAgent, OriginalClient, watchPublisher } from './original-peers.js';

// What was wrong with the original, as far as its broker goes: ours does not have it. docs/loads-weaknesses.md names
// the tests of all of it.

let root: string;
let folder: string;
let broker: Broker;
let client: OriginalClient;
let worker: zmq.Push;
const closing: { close(): unknown }[] = [];
const kept = <T extends { close(): unknown }>(one: T): T => {
  closing.push(one);
  return one;
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'muster-weak-'));
  folder = join(root, 'up', 'data');
  await mkdir(folder, { recursive: true });
  await open();
});
afterEach(async () => {
  for (const each of closing.splice(0)) await each.close();
  await broker.close();
  await rm(root, { recursive: true, force: true });
});

const open = async (over: object = {}): Promise<void> => {
  broker = await startBroker({
    data: folder,
    frontend: 'tcp://127.0.0.1:*',
    logLevel: 'silent',
    pollMs: 100,
    agentTimeoutMs: 1_000,
    ...over,
  });
  client = kept(new OriginalClient(broker.endpoints.frontend));
  worker = kept(new zmq.Push({ linger: 100 }));
  worker.connect(broker.endpoints.receiver);
};
const waitUntil = async (look: () => Promise<boolean>): Promise<void> => {
  const end = performance.now() + 15_000;
  while (!(await look())) {
    if (performance.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
const listed = async (): Promise<string[]> => Object.keys((await client.result('LIST')) as Body).sort();
const agent = async (pid: number): Promise<OriginalAgent> => {
  const made = kept(new OriginalAgent(broker, pid));
  await made.register();
  await waitUntil(async () => (await listed()).includes(made.id));
  return made;
};
const run = async (agents: number, args: object = {}): Promise<string> =>
  ((await client.result('CTRL_RUN', { agents, args })) as { run_id: string }).run_id;
const metadata = async (run_id: string) => (await client.result('CTRL_GET_METADATA', { run_id })) as Body;
const counts = async (run_id: string) => (await client.result('CTRL_GET_COUNTS', { run_id })) as Body;
const runs = async () => (await client.result('CTRL_LIST_RUNS')) as Body;
const isOver = async (run_id: string): Promise<boolean> => (await metadata(run_id)).active === false;

/** Pushes rows, and waits until a last one has been counted: then all before it are. */
const pushed = async (...rows: object[]): Promise<void> => {
  for (const row of rows) await worker.send(JSON.stringify(row));
  const mark = `mark-${rows.length}-${Math.random()}`;
  await worker.send(JSON.stringify({ data_type: mark, run_id: 'marks', agent_id: 'marker' }));
  await waitUntil(async () => mark in (await counts('marks')));
};

/** Every command that takes the id of a run, in each of its names. */
const OF_RUNS: readonly string[] = [
  ...['CTRL_STOP_RUN', 'STOPRUN', 'CTRL_GET_DATA', 'GET_DATA', 'CTRL_GET_COUNTS', 'GET_COUNTS', 'CTRL_GET_URLS'],
  ...['GET_URLS', 'CTRL_GET_METADATA', 'GET_METADATA', 'CTRL_GET_ERRORS', 'CTRL_UPDATE_METADATA', 'CTRL_DELETE_RUN'],
];
/** Ids that would be paths. */
const LEAVING: readonly string[] = [
  ...['../x', '../../x', '../../../x', 'a/../../../x', '/tmp/x', '..', '.', '', 'a/b', 'a\\..\\x', '..\\x'],
  ...['a\0b', '%2e%2e%2fx', '../kept', 'x'.repeat(10_000), 'é/../../x', '~', 'file:///x', 'a\n../x'],
];

/** Everything below a folder, each file with a digest of what is in it. */
const everything = async (path: string): Promise<Record<string, string>> => {
  const found: Record<string, string> = {};
  for (const name of (await readdir(path, { recursive: true })).sort()) {
    const full = join(path, name);
    found[name] = (await stat(full)).isDirectory()
      ? 'folder'
      : createHash('sha256')
          .update(await readFile(full))
          .digest('hex');
  }
  return found;
};
const outside = async () =>
  Object.fromEntries(
    Object.entries(await everything(root)).filter(([name]) => !name.startsWith(join('up', 'data', ''))),
  );
/** Names in the data folder; a write-ahead log comes and goes. */
const names = async () => (await readdir(folder, { recursive: true })).filter((name) => !name.endsWith('.wal')).sort();

describe('the id of a run', () => {
  it('never becomes a path out of the data folder, in whatever command it comes', async () => {
    await agent(1);
    await pushed();
    await writeFile(join(root, 'up', 'kept'), 'kept');
    await writeFile(join(root, 'up', 'kept-metadata.json'), '{"secret":1}');
    await writeFile(join(root, 'x'), 'kept');
    const [before, inside] = [await outside(), await names()];
    for (const run_id of LEAVING) {
      for (const command of OF_RUNS) {
        const answer = await client.ask(command, { run_id, fields: { a: 1 }, start: 0, size: 1 });
        expect(answer, `${command} ${run_id.slice(0, 20)}`).toHaveProperty('error');
        expect(JSON.stringify(answer)).not.toContain('secret');
      }
      await client.ask('CTRL_AGENT_STATUS', { agent_id: 'vm-1', run_id });
      await client.ask('CTRL_AGENT_STATUS', { agent_id: run_id });
    }
    const native = kept(new RawClient(broker.endpoints.frontend));
    for (const id of LEAVING)
      for (const type of ['show', 'attach', 'stop', 'query'])
        await expect(native.ask({ type, run: id } as never)).rejects.toMatchObject({ code: 'BAD_MESSAGE' });
    expect(await outside()).toEqual(before);
    expect(await names()).toEqual(inside);
  });

  it('never becomes one from what workers push, in rows or in batches', async () => {
    await pushed();
    const [before, inside] = [await outside(), await names()];
    const hit = { url: 'http://x/', method: 'GET', status: 200, started: 's', elapsed: 1 };
    await pushed(
      ...LEAVING.flatMap((run_id) => [
        { data_type: 'add_hit', ...hit, run_id, agent_id: 'a' },
        { data_type: 'batch', agent_id: 'a', run_id, counts: { add_hit: [hit] } },
        { data_type: run_id, run_id: 'marks', agent_id: run_id },
      ]),
    );
    expect(await outside()).toEqual(before);
    expect(await names()).toEqual(inside);
  });
});

describe('a method inside the controller', () => {
  it('can not be called by its name', async () => {
    await agent(1);
    const run_id = await run(1);
    const methods = [
      ...['UNREGISTER_AGENTS', 'UNREGISTER_AGENT', 'CLEAN', '__INIT__', 'REGISTER_AGENT', 'SAVE_DATA', 'TEST_ENDED'],
      ...['RESERVE_AGENTS', 'UPDATE_STATUS', 'SEND_TO_AGENT', 'RUN_COMMAND', 'FLUSH_DB', 'PREPARE_RUN', '__CLASS__'],
      ...['_REMOVE_AGENT', 'CONSTRUCTOR', '__PROTO__', 'TOSTRING', 'HASOWNPROPERTY', 'HANDLE', '#JOIN', ''],
    ];
    const fields = { agent_id: 'vm-1', run_id, num: 1 };
    for (const command of methods.flatMap((name) => [`CTRL_${name}`, `CTRL_${name.toLowerCase()}`]))
      expect(await client.ask(command, fields)).toEqual({ error: ['nope', `unknown command ${command}`] });
    for (const command of ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf', '__class__'])
      expect(await client.ask(command, fields)).toEqual({ error: `unknown command ${command}` });
    expect(await listed()).toEqual(['vm-1']);
    expect(Object.keys(await runs())).toEqual([run_id]);
    expect(await metadata(run_id)).toMatchObject({ active: true });
  });
});

describe('data that comes late', () => {
  const hit = { url: 'http://x/', method: 'GET', status: 200, started: 's', elapsed: 1 };
  const late = (run_id: string): object[] => [
    { data_type: 'add_hit', ...hit, run_id, agent_id: 'vm-1' },
    { data_type: 'batch', agent_id: 'vm-1', hostname: 'vm', run_id, counts: { add_hit: [hit, hit], mine: [{}] } },
  ];

  it('belongs to the run that it names, though its agent works for another by now', async () => {
    const one = await agent(1);
    const first = await run(1);
    await pushed({ data_type: 'add_hit', ...hit, run_id: first, agent_id: 'vm-1' });
    one.workers = {};
    await waitUntil(() => isOver(first));
    const second = await run(1);
    await pushed(...late(first), { data_type: 'add_hit', ...hit, run_id: second, agent_id: 'vm-1' });
    expect(await counts(first)).toEqual({ add_hit: 4, mine: 1 });
    expect(await counts(second)).toEqual({ add_hit: 1 });
    expect(await runs()).toEqual({ [second]: [['vm-1', expect.any(Number)]] });
  });

  it('does not end a run a second time, nor make its agent busy', async () => {
    const watcher = kept(watchPublisher(broker));
    await waitUntil(async () => {
      await pushed();
      return watcher.heard.length > 0;
    });
    const one = await agent(1);
    const run_id = await run(1);
    one.workers = {};
    await waitUntil(() => isOver(run_id));
    const { ended } = await metadata(run_id);
    await pushed(...late(run_id));
    // Polls go by, in which the original ended it again.
    const next = await run(1);
    await one.hears('_STATUS', one.of('_STATUS').length + 2);
    one.workers = {};
    await waitUntil(() => isOver(next));
    const finished = JSON.stringify({ data_type: 'run-finished', run_id });
    await until('the end of the next run', () => watcher.heard.some((text) => text.includes(next)));
    expect(watcher.heard.filter((text) => text === finished)).toHaveLength(1);
    expect((await metadata(run_id)).ended).toBe(ended);
    expect(await counts(run_id)).toEqual({ add_hit: 3, mine: 1 });
  });

  it('of somebody whom nobody knows makes no agent that could be reserved, and no run', async () => {
    await pushed(
      { data_type: 'add_hit', ...hit, run_id: 'somewhere', agent_id: 'ghost-1' },
      { data_type: 'batch', agent_id: 'ghost-2', hostname: 'vm', run_id: 'somewhere', counts: { add_hit: [hit] } },
    );
    expect(await listed()).toEqual([]);
    expect(await runs()).toEqual({});
    expect(await client.ask('CTRL_RUN', { agents: 1, args: {} })).toEqual({ error: 'Not enough agents' });
    expect(await counts('somewhere')).toEqual({ add_hit: 2 });
  });
});

describe('a run', () => {
  it('is not ended by the answer to a status question from before it began', async () => {
    const one = await agent(1);
    one.answers = false;
    await client.ask('CTRL_AGENT_STATUS', { agent_id: 'vm-1' });
    const asked = await one.hears('_STATUS');
    const run_id = await run(1);
    await one.hears('RUN');
    const name = String(asked.frames[2]);
    await one.say(name, { result: { status: {}, command: '_STATUS' }, hostname: 'vm', agent_id: 'vm-1', pid: 1 });
    one.answers = true;
    one.workers = { '10': { status: 'running', run_id } };
    await one.hears('_STATUS', one.of('_STATUS').length + 2);
    expect(Object.keys(await runs())).toEqual([run_id]);
    expect(await metadata(run_id)).toMatchObject({ active: true });
  });

  it('is given to agents whose last run timed out, at once: reserving never looks for them in vain', async () => {
    const agents = [await agent(1), await agent(2)];
    for (const one of agents) one.answers = false;
    const first = await run(2);
    await waitUntil(() => isOver(first));
    expect(await client.ask('CTRL_RUN', { agents: 2, args: {} })).toEqual({ error: 'Not enough agents' });
    for (const one of agents) {
      one.answers = true;
      one.workers = {};
      await one.register();
    }
    await waitUntil(async () => (await listed()).length === 2);
    const second = await run(2);
    expect(Object.keys(await runs())).toEqual([second]);
  });

  it('with an observer that nobody knows does not begin, whatever module that names', async () => {
    const one = await agent(1);
    for (const observer of [
      'os.system',
      ['node:child_process'],
      '../x',
      ['console', 'nobody'],
      'constructor',
      [7],
      [{ toString: 1 }],
    ]) {
      const answer = await client.ask('CTRL_RUN', { agents: 1, args: { observer } });
      expect(answer.error, JSON.stringify(observer)).toEqual([expect.stringContaining('observer')]);
    }
    expect(one.of('RUN')).toEqual([]);
    expect(await runs()).toEqual({});
  });

  it('shows its arguments, but for secrets', async () => {
    await agent(1);
    const secret = 'correct horse';
    const shown = { fqn: 'a.b.C', observer_email_user: 'me', project_name: 'passwords' };
    const hidden = {
      observer_email_password: secret,
      observer_irc_passwd: secret,
      api_key: secret,
      auth_token: secret,
      client_secret: secret,
      nested: { deeper: [{ password: secret }] },
    };
    const run_id = await run(1, { ...shown, ...hidden });
    const all = await client.ask('CTRL_GET_METADATA', { run_id });
    expect(all.result).toMatchObject(shown);
    expect(JSON.stringify(all)).not.toContain(secret);
  });
});

describe('a run that was deleted', () => {
  it('is over at once when an agent goes on with it, and holds nobody up', async () => {
    const watcher = kept(watchPublisher(broker));
    await waitUntil(async () => {
      await pushed();
      return watcher.heard.length > 0;
    });
    await agent(1);
    await client.result('CTRL_UPDATE_METADATA', { run_id: 'gone', fields: { note: 1 } });
    await client.result('CTRL_DELETE_RUN', { run_id: 'gone' });
    await pushed({ data_type: 'mine', run_id: 'gone', agent_id: 'vm-1' });
    await until('its end', () => watcher.heard.includes('{"data_type":"run-finished","run_id":"gone"}'));
    expect(await counts('gone')).toEqual({});
    expect(await metadata('gone')).toEqual({});
    await run(1);
  });
});

describe('counters', () => {
  it('may have any name, of a property or of a message too, and are counted under it', async () => {
    const words = ['batch-', 'constructor', 'toString', 'hasOwnProperty', 'run-finished', 'size', 'length', 'a:b', '-'];
    await pushed(...words.map((data_type) => ({ data_type, run_id: 'words', agent_id: 'a' })));
    await pushed({
      data_type: 'batch',
      agent_id: 'a',
      run_id: 'words',
      counts: Object.fromEntries(words.map((word) => [word, [{}, {}]])),
    });
    expect(await counts('words')).toEqual(Object.fromEntries(words.map((word) => [word, 3])));
  });

  it('and rows are kept whatever bytes they hold, those between records of the original too', async () => {
    const separator = Buffer.from([0x78, 0x8c]);
    const texts = [
      separator.toString('latin1'),
      `http://x/${separator.toString('latin1').repeat(50)}`,
      'x\u008cx\u9c78',
    ];
    await pushed(
      ...texts.map((text) => ({ data_type: 'mine', run_id: 'bytes', agent_id: 'a', text, [text]: separator.toJSON() })),
    );
    // No text in any encoding: what can be read of it is.
    const odd = Buffer.concat([
      Buffer.from('{"data_type":"odd","run_id":"bytes","agent_id":"a","text":"'),
      separator,
      Buffer.from('"}'),
    ]);
    await worker.send(odd);
    await pushed();
    const rows = (await client.result('CTRL_GET_DATA', { run_id: 'bytes', data_type: 'mine' })) as Body[];
    expect(rows.map(({ text }) => text)).toEqual(texts);
    expect(rows.map((row) => row[String(row.text)])).toEqual(texts.map(() => separator.toJSON()));
    expect(await client.result('CTRL_GET_DATA', { run_id: 'bytes' })).toHaveLength(4);
    expect(await counts('bytes')).toEqual({ mine: 3, odd: 1 });
  });
});

describe('what a client is told of a fault', () => {
  it('names no file, no folder and no line of ours', async () => {
    await agent(1);
    const wrong: readonly unknown[] = [null, 7, '', '../x', [], {}, 'x'.repeat(300)];
    const commands = [...OF_RUNS, 'CTRL_RUN', 'CTRL_AGENT_STOP', 'CTRL_AGENT_RUN', 'CTRL_X', 'X'];
    for (const command of commands) {
      for (const value of wrong) {
        const fields = { run_id: value, agent_id: value, agents: value, args: value, start: value, fields: value };
        const text = JSON.stringify(await client.ask(command, fields));
        expect(text).not.toMatch(/\.[cm]?[jt]s\b|node_modules|\bat [\w.<>]+ \(|node:internal|Traceback/);
        for (const path of [root, process.cwd(), 'packages/broker']) expect(text).not.toContain(path);
      }
    }
  });
});
