import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DirectWriter, descriptorOf, isOpen } from './direct-write.js';

let server: Server;
let socket: Socket;
let peer: Socket;
beforeEach(async () => {
  server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  [peer] = await accepted;
});
afterEach(() => {
  socket.destroy();
  peer.destroy();
  server.close();
});

/** What the peer has read once so many bytes have come. */
const readBytes = async (count: number): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let length = 0;
  peer.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
  });
  peer.resume();
  while (length < count) await once(peer, 'data');
  return Buffer.concat(chunks);
};

describe('DirectWriter', () => {
  it('writes head and body, each request its own', async () => {
    const writer = new DirectWriter();
    const descriptor = descriptorOf(socket);
    expect(writer.write(descriptor, 'one', null)).toBe(3);
    expect(writer.write(descriptor, 'one', Buffer.from('+'))).toBe(4);
    expect(writer.write(descriptor, 'one', null)).toBe(3);
    expect(writer.write(descriptor, 'zw\xf6', null)).toBe(3);
    expect((await readBytes(13)).toString('latin1')).toBe('oneone+onezw\xf6');
  });

  it('leaves to the stream what the kernel does not take, and every byte arrives', async () => {
    const writer = new DirectWriter();
    const head = Array.from({ length: 10_000 }, (_, n) => String.fromCharCode(97 + (n % 26))).join('');
    let whole = 0;
    let took = writer.write(descriptorOf(socket), head, null);
    for (; took === head.length; whole += 1) took = writer.write(descriptorOf(socket), head, null);
    if (typeof took !== 'number') throw took;
    socket.write(writer.rest(took, head.length));
    const count = (whole + 1) * head.length;
    expect((await readBytes(count)).toString('latin1') === head.repeat(whole + 1)).toBe(true);
  });

  it('says why nothing can be written any more, in the words of a socket', async () => {
    const writer = new DirectWriter();
    const descriptor = descriptorOf(socket);
    const failed = once(socket, 'error');
    peer.resetAndDestroy();
    let took: number | Error = 0;
    // The reset is there once the peer has sent it; until then the kernel takes what it is given.
    while (typeof took === 'number') took = writer.write(descriptor, 'x', null);
    expect(took).toMatchObject({ message: expect.stringMatching(/^write (ECONNRESET|EPIPE)$/), syscall: 'write' });
    socket.destroy(took);
    expect(isOpen(socket)).toBe(false);
    expect(await failed).toEqual([took]);
  });
});
