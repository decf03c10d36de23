import { encodeNative, type Frame, isNative, readFrontend, unpackNative } from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';
import { afterEach, describe, expect, it } from 'vitest';
import { Random } from '../simulator/random.js';
import { Asker } from './asker.js';

let frontend: Socket | undefined;
afterEach(() => frontend?.close());

/** A broker that answers everything so often. */
const answering = async (times: (nth: number) => number): Promise<string> => {
  let nth = 0;
  const socket = openSocket('router', {
    lingerMs: 0,
    onMessage: (frames) => {
      const { payload } = readFrontend(frames);
      const id = isNative(payload) ? (unpackNative(payload) as { id: unknown }).id : null;
      const answer = id === null ? Buffer.from('{"result":1}') : encodeNative({ id, result: 1 });
      for (let count = times(nth); count > 0; count -= 1) socket.send([frames[0] as Frame, Buffer.alloc(0), answer]);
      nth += 1;
    },
  });
  frontend = socket;
  return await socket.bind('tcp://127.0.0.1:*');
};
const rounds = async (endpoint: string): Promise<void> => {
  const asker = new Asker(endpoint, new Random(1), 2_000);
  // One round in ten leaves without waiting for answers.
  for (let round = 0; round < 3; round += 1) await asker.round(() => false);
};

describe('who asks wrong questions', () => {
  it('is content when each has one answer', async () => {
    await rounds(await answering(() => 1));
  });

  it('notices a question without an answer', async () => {
    await expect(rounds(await answering((nth) => (nth % 31 === 7 ? 0 : 1)))).rejects.toThrow('had no answer');
  });

  it('notices a question with two', async () => {
    await expect(rounds(await answering((nth) => (nth % 31 === 7 ? 2 : 1)))).rejects.toThrow('answered twice');
  });
});
