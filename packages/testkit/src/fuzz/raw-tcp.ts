import { connect, type Socket } from 'node:net';
import { parseEndpoint } from '@muster/protocol';
import type { Random } from '../simulator/random.js';
import { bytesOf } from './garbage.js';

/** Connections that stay open at one time. */
const MAX_OPEN = 40;
const KINDS = ['DEALER', 'REQ', 'PUSH', 'SUB', 'XSUB', 'ROUTER', 'PUB', 'WHAT'] as const;

/** ZMTP 3.1 as RFC 37 has it: signature, version, mechanism, whether the peer is the server. */
const greeting = (random: Random): Buffer => {
  const bytes = Buffer.alloc(64);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = random.chance(0.8) ? 3 : random.whole(0, 255);
  bytes[11] = random.chance(0.8) ? 1 : random.whole(0, 255);
  bytes.write(random.chance(0.8) ? 'NULL' : random.one(['CURVE', 'PLAIN', 'GSSAPI', 'nonsense-that-is-long']), 12);
  bytes[32] = random.whole(0, 1);
  return bytes;
};

/** A frame of ZMTP whose length need not be true. */
const frame = (flags: number, body: Buffer, said = body.byteLength): Buffer => {
  if ((flags & 2) === 0) return Buffer.concat([Buffer.from([flags, said & 0xff]), body]);
  const head = Buffer.alloc(9);
  head[0] = flags;
  head.writeBigUInt64BE(BigInt(said), 1);
  return Buffer.concat([head, body]);
};

const ready = (kind: string): Buffer => {
  const property = Buffer.concat([
    Buffer.from('\x0bSocket-Type'),
    Buffer.from([0, 0, 0, kind.length]),
    Buffer.from(kind),
  ]);
  return frame(4, Buffer.concat([Buffer.from('\x05READY'), property]));
};

const wrongFrame = (random: Random): Buffer => {
  switch (random.whole(0, 5)) {
    case 0:
      return frame(2, bytesOf(random), 2 ** random.whole(20, 52));
    case 1:
      return frame(random.whole(0, 255), bytesOf(random));
    case 2:
      return frame(4, Buffer.concat([Buffer.from('\x04PING'), bytesOf(random)]));
    case 3:
      return frame(0, Buffer.from([random.whole(0, 2), ...bytesOf(random, 30)]));
    case 4:
      return frame(1, bytesOf(random));
    default:
      return bytesOf(random, 300);
  }
};

/** Opens connections without zeromq and says what it should not: half greetings, lying lengths, resets. */
export class RawTcp {
  readonly #random: Random;
  readonly #open = new Set<Socket>();

  constructor(random: Random) {
    this.#random = random;
  }

  attack(endpoint: string): void {
    const random = this.#random;
    const { port } = parseEndpoint(endpoint) as { readonly port: number };
    for (const old of this.#open) {
      if (this.#open.size < MAX_OPEN) break;
      old.resetAndDestroy();
      this.#open.delete(old);
    }
    const socket = connect({ host: '127.0.0.1', port });
    this.#open.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => this.#open.delete(socket));
    socket.resume();
    const parts = this.#parts();
    // The library reads nothing of what comes along with a greeting: each part waits for a word of the other side.
    const next = (): void => {
      const part = parts.shift();
      if (part !== undefined) socket.write(part);
      else if (isSudden) socket.resetAndDestroy();
      else if (ends) socket.end();
    };
    const [isSudden, ends] = [random.chance(0.4), random.chance(0.5)];
    socket.once('connect', next).on('data', next);
  }

  /** A greeting, a handshake and frames, each right or wrong. */
  #parts(): Buffer[] {
    const random = this.#random;
    if (random.chance(0.2)) return [bytesOf(random, 200)];
    const frames = Array.from({ length: random.whole(1, 6) }, () => wrongFrame(random));
    const parts = [greeting(random), ready(random.one(KINDS)), Buffer.concat(frames)];
    const at = random.whole(0, 2);
    const part = parts[at] ?? Buffer.alloc(0);
    if (random.chance(0.3)) parts[at] = part.subarray(0, random.whole(0, part.byteLength));
    return random.chance(0.2) ? [Buffer.concat(parts)] : parts;
  }

  close(): void {
    for (const socket of this.#open) socket.destroy();
  }
}
