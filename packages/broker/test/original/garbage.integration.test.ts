import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as zmq from 'zeromq';
import { type Broker, startBroker } from '../../src/start-broker.js';
import { type Body, OriginalAgent, OriginalClient } from './original-peers.js';

let folder: string;
let broker: Broker;
let client: OriginalClient;
let agent: OriginalAgent;
const open: { close(): void }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-original-'));
  broker = await startBroker({ data: folder, frontend: 'tcp://127.0.0.1:*', logLevel: 'silent', pollMs: 200 });
  client = new OriginalClient(broker.endpoints.frontend);
  agent = new OriginalAgent(broker, 1);
  await agent.register();
});
afterAll(async () => {
  client.close();
  agent.close();
  for (const each of open) each.close();
  await broker.close();
  await rm(folder, { recursive: true, force: true });
});

/** Every command, with every field it knows. */
const COMMANDS: readonly (readonly [string, Body])[] = [
  ['PING', { native: [1, 1] }],
  ['LIST', {}],
  ['CTRL_RUN', { agents: 50, args: {}, filedata: '', async: true }],
  ['CTRL_LIST_RUNS', {}],
  ['CTRL_STOP_RUN', { run_id: 'a' }],
  ['CTRL_GET_DATA', { run_id: 'a', data_type: 'x', groupby: true, start: 0, size: 1 }],
  ['CTRL_GET_ERRORS', { run_id: 'a', start: 0, size: 1 }],
  ['CTRL_GET_COUNTS', { run_id: 'a' }],
  ['CTRL_GET_URLS', { run_id: 'a' }],
  ['CTRL_GET_METADATA', { run_id: 'a' }],
  ['CTRL_GET_RUNS', {}],
  ['CTRL_UPDATE_METADATA', { run_id: 'a', fields: {} }],
  ['CTRL_DELETE_RUN', { run_id: 'a' }],
  ['CTRL_AGENT_STATUS', { agent_id: 'x' }],
  ['CTRL_AGENT_STOP', { agent_id: 'x' }],
  ['CTRL_AGENT_QUIT', { agent_id: 'x', force: true }],
  ['CTRL_AGENT_RUN', { agent_id: 'x', args: {} }],
];
const WRONG: readonly unknown[] = [null, true, -1, 1.5, 1e300, '', '../x', 'x'.repeat(300), [], [[]], {}, { a: 1 }];

describe('a command of the original', () => {
  it.each(COMMANDS)('%s gets one answer, whatever its fields are', async (command, fields) => {
    const bodies = [
      {},
      fields,
      ...Object.keys(fields).flatMap((name) => WRONG.map((value) => ({ ...fields, [name]: value }))),
    ];
    for (const body of bodies) {
      // A REQ that got two answers, or none, would not give this one.
      const answer = await client.ask(command, body);
      const isAnswer = 'result' in answer || typeof answer.error === 'string' || Array.isArray(answer.error);
      expect(isAnswer, JSON.stringify([body, answer])).toBe(true);
    }
    expect(await client.result('LIST')).toHaveProperty('vm-1');
  });
});

describe('whatever comes on the sockets of the original', () => {
  const word = fc.constantFrom('REGISTER', 'UNREGISTER', 'vm-1', 'vm-2', '', 'muster-broker', '{"result":{}}');
  const body = fc
    .record({
      result: fc.option(fc.record({ command: fc.constantFrom('_STATUS', 'RUN', 'QUIT', 'x'), status: fc.jsonValue() })),
      error: fc.option(fc.jsonValue()),
      agent_id: fc.option(fc.constantFrom('vm-2', 'vm-7')),
      pid: fc.oneof(fc.integer(), fc.string()),
      run_id: fc.option(fc.constantFrom('a', '../x', '')),
      data_type: fc.constantFrom('batch', 'add_hit', 'run-finished', ''),
      counts: fc.jsonValue(),
    })
    .map((each) => JSON.stringify(each));
  const frame = fc.oneof(
    word.map((text) => Buffer.from(text)),
    body.map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 40 }).map((each) => Buffer.from(each)),
    fc.json().map((text) => Buffer.from(text)),
  );
  const isHarmless = (frames: readonly Buffer[]): boolean =>
    // What really unregisters the agent that is there is no garbage.
    !frames.some((each, at) => String(each) === 'UNREGISTER' && /^"?vm-1"?$/.test(String(frames[at + 1])));

  it('disturbs neither the broker nor its agents', async () => {
    const made = {
      frontend: new zmq.Dealer({ linger: 0 }),
      backend: new zmq.Dealer({ linger: 0, routingId: 'vm-2' }),
      register: new zmq.Push({ linger: 0 }),
      receiver: new zmq.Push({ linger: 0 }),
    };
    for (const name of Object.keys(made) as (keyof typeof made)[]) {
      made[name].connect(broker.endpoints[name]);
      open.push(made[name]);
    }
    const message = fc.tuple(
      fc.constantFrom(...(Object.keys(made) as (keyof typeof made)[])),
      fc.array(frame, { minLength: 1, maxLength: 7 }).filter(isHarmless),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 40 }), async (messages) => {
        for (const [socket, frames] of messages) await made[socket].send([...frames]);
        expect(await client.result('LIST')).toHaveProperty('vm-1');
      }),
      { numRuns: 80 },
    );
    agent.workers = {};
    const { agents } = (await client.result('CTRL_RUN', { agents: 1, args: {} })) as { agents: string[] };
    expect(agents).toHaveLength(1);
  });

  it('and is over the bound closes the connection of who sent it, and of nobody else', async () => {
    const large = new zmq.Dealer({ linger: 0 });
    open.push(large);
    large.connect(broker.endpoints.backend);
    await large.send(['', 'vm-3', '', Buffer.alloc(2 * 1_024 * 1_024)]);
    expect(await client.result('LIST')).toHaveProperty('vm-1');
    const deep = `{"command":"CTRL_RUN","agents":1,"args":${'['.repeat(100_000)}`;
    expect(await client.text(deep)).toHaveProperty('error');
  });
});
