import { connect, type Socket } from 'node:net';
import type { Plain } from './client.js';
import { until } from './wait.js';

const SIGNATURE = Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f]);
const ZMTP_2 = 1;
const REP = 4;
const MORE = 1;
const LONG = 2;

/**
 * An agent of the two oldest generations, on a library of its time: it speaks ZMTP 2.0 over TCP, in which nobody refuses
 * a pair of sockets. Its REP keeps the frames up to the empty one, and gives them back before the answer.
 */
export class OldAgent {
  readonly told: Plain[] = [];
  /** What it kept of each message for the way back. */
  readonly ways: Buffer[][] = [];
  workers: Plain = {};
  readonly #socket: Socket;
  readonly #id: string;
  #bytes = Buffer.alloc(0);
  #isGreeted = false;
  #frames: Buffer[] = [];

  constructor(backend: string, id: string) {
    this.#id = id;
    const { hostname, port } = new URL(backend);
    this.#socket = connect(Number(port), hostname);
    this.#socket.on('data', (bytes) => this.#read(bytes));
    this.#socket.write(Buffer.concat([SIGNATURE, Buffer.from([ZMTP_2, REP])]));
    this.#write([Buffer.from(id)]);
  }

  async hears(command: string): Promise<Plain> {
    return await until(`${command} at ${this.#id}`, () => this.told.find((body) => body.command === command));
  }
  close(): void {
    this.#socket.destroy();
  }

  #write(frames: readonly Buffer[]): void {
    for (const [at, frame] of frames.entries()) {
      const head = Buffer.alloc(9);
      head[0] = LONG | (at < frames.length - 1 ? MORE : 0);
      head.writeBigUInt64BE(BigInt(frame.byteLength), 1);
      this.#socket.write(Buffer.concat([head, frame]));
    }
  }

  #read(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    // What the other side says of itself: ten bytes, its version, its kind of socket.
    if (!this.#isGreeted && this.#bytes.byteLength < 12) return;
    if (!this.#isGreeted) this.#bytes = this.#bytes.subarray(12);
    this.#isGreeted = true;
    for (;;) {
      const [flags, short] = this.#bytes;
      if (flags === undefined || short === undefined) return;
      const isLong = (flags & LONG) !== 0;
      const from = isLong ? 9 : 2;
      if (this.#bytes.byteLength < from) return;
      const size = isLong ? Number(this.#bytes.readBigUInt64BE(1)) : short;
      if (this.#bytes.byteLength < from + size) return;
      this.#frames.push(this.#bytes.subarray(from, from + size));
      this.#bytes = this.#bytes.subarray(from + size);
      if ((flags & MORE) === 0) this.#take(this.#frames.splice(0));
    }
  }

  #take(frames: readonly Buffer[]): void {
    const gap = frames.findIndex((frame) => frame.byteLength === 0);
    // The first message is the name of the other side; a REP drops what has no empty frame.
    if (gap === -1) return;
    const way = frames.slice(0, gap);
    const [body] = frames.slice(gap + 1);
    const order = JSON.parse(String(body)) as Plain;
    this.ways.push([...way]);
    this.told.push(order);
    const { command, run_id } = order;
    if (command === 'RUN') this.workers = { '7': 'running' };
    if (command === 'STOP') this.workers = {};
    const result = command === 'RUN' ? { pids: [7], command } : { status: this.workers, command };
    this.#write([...way, Buffer.alloc(0), Buffer.from(JSON.stringify({ result, run_id }))]);
  }
}
