import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeNative, type RunInfo } from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../src/start-broker.js';
import { BOOT, headerOf, RUN, samplesPayload, windowPayload } from './batches.js';
import { RawAgent, RawClient } from './peers.js';

let folder: string;
let broker: Broker;
let client: RawClient;
const open: Socket[] = [];
const to = (kind: 'dealer' | 'push' | 'sub', endpoint: string): Socket => {
  const socket = openSocket(kind, { lingerMs: 0, onMessage: () => undefined });
  socket.connect(endpoint);
  open.push(socket);
  return socket;
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-garbage-'));
  broker = await startBroker({ data: folder, frontend: 'tcp://127.0.0.1:*', logLevel: 'silent' });
  client = new RawClient(broker.endpoints.frontend);
});
afterAll(async () => {
  await client.close();
  await Promise.all(open.map((socket) => socket.close()));
  await broker.close();
  await rm(folder, { recursive: true, force: true });
});

const bytes = fc.uint8Array({ maxLength: 40 }).map((each) => Buffer.from(each));
/** Messages that are nearly right: the right shape with one thing changed. */
const nearly = fc
  .record({
    type: fc.constantFrom(
      'ping',
      'submit',
      'show',
      'query',
      'hello',
      'beat',
      'prepared',
      'claim',
      'window',
      'bundle.put',
    ),
    id: fc.oneof(fc.string(), fc.integer()),
    run: fc.oneof(fc.constant(RUN as string), fc.string()),
    more: fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }),
  })
  .map(({ more, ...rest }) => encodeNative({ ...more, ...rest }));
const batches = fc
  .record({
    kind: fc.constantFrom('window' as const, 'samples' as const, 'end' as const),
    number: fc.nat(5),
    payload: fc.oneof(
      fc.constant(encodeNative(windowPayload(0, 1))),
      fc.constant(encodeNative(samplesPayload(2))),
      bytes,
    ),
  })
  .map(({ kind, number, payload }) => [encodeNative(headerOf(number, { kind })), payload]);
const frames = fc.oneof(fc.array(bytes, { maxLength: 6 }), fc.array(nearly, { maxLength: 6 }), batches);

describe('whatever arrives on a socket', () => {
  it('does not disturb a broker', async () => {
    const agent = new RawAgent(broker, 'good', '0a'.repeat(16));
    await agent.hello();
    const sockets = [
      to('dealer', broker.endpoints.frontend),
      to('dealer', broker.endpoints.backend),
      to('push', broker.endpoints.register),
      to('push', broker.endpoints.receiver),
    ];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(3), frames), { maxLength: 40 }), async (messages) => {
        for (const [index, message] of messages)
          if (message.length > 0) sockets[index]?.send(index < 2 ? ['', ...message] : message);
        for (const [, message] of messages) for (const payload of message) agent.raw(payload);
        expect(await client.ask({ type: 'ping' })).toMatchObject({ agents: 1 });
      }),
      { numRuns: 60 },
    );
    expect((await client.ask({ type: 'runs' })) as RunInfo[]).toEqual([]);
    await agent.close();
  });

  it('is answered with a code when it has an id', async () => {
    await expect(client.ask({ type: 'show', run: 'nonsense' })).rejects.toMatchObject({ code: 'BAD_MESSAGE' });
    await expect(client.ask({ type: 'fly' } as never)).rejects.toMatchObject({ code: 'UNKNOWN_COMMAND' });
    for (const type of [{ toString: 'x' }, null, 7, ['ping']])
      await expect(client.ask({ type } as never)).rejects.toMatchObject({ code: 'UNKNOWN_COMMAND' });
    await expect(client.ask({ type: 'show', run: RUN })).rejects.toMatchObject({ code: 'RUN_UNKNOWN' });
    await expect(
      client.ask({ type: 'submit', name: 'x', bundle: `sha256:${'0'.repeat(64)}`, observers: ['pager'] }),
    ).rejects.toMatchObject({ code: 'BUNDLE_UNKNOWN' });
    expect(await client.text('{"command":"FLY"}')).toEqual({ error: 'unknown command FLY' });
  });

  it('as a hello that can not be read is refused with both versions', async () => {
    const agent = new RawAgent(broker, 'old', BOOT);
    agent.raw(encodeNative({ type: 'hello', node: 'old', boot: BOOT, protocol: [7, 9] }));
    expect(await agent.hears('refuse')).toMatchObject({ protocol: [1, 1] });
    await agent.close();
  });
});
