import { createHash } from 'node:crypto';
import {
  type AgentId,
  type AgentMessage,
  agentId,
  type BatchHeader,
  BrokerMessage,
  type ClientQuestion,
  ClientReply,
  clientQuestion,
  decodeNative,
  encodeNative,
  MusterError,
  machineMs,
  NATIVE_VERSIONS,
  RunEvent,
  type RunId,
  readAtAgent,
  readClientAnswer,
  readEvent,
  streamId,
  toBroker,
} from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';
import type { Broker } from '../src/start-broker.js';
import { samplesPayload, windowPayload } from './batches.js';

type Prepared = Extract<AgentMessage, { type: 'prepared' }>;

/** Waits for a condition, looking at each turn of the loop. */
export const until = async <T>(what: string, look: () => T | undefined | null | false, ms = 20_000): Promise<T> => {
  const end = performance.now() + ms;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== null && found !== false) return found;
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

/** A client in raw frames. */
export class RawClient {
  readonly #socket: Socket;
  readonly #waiting = new Map<string, (reply: ClientReply) => void>();
  readonly texts: string[] = [];
  #next = 0;

  constructor(frontend: string) {
    this.#socket = openSocket('dealer', {
      lingerMs: 0,
      onMessage: (frames) => {
        const payload = readClientAnswer(frames);
        if (payload[0] === 0x7b) this.texts.push(payload.toString());
        else {
          const reply = decodeNative(ClientReply, payload, 1e8);
          this.#waiting.get(reply.id)?.(reply);
        }
      },
    });
    this.#socket.connect(frontend);
  }

  send(payload: Buffer): void {
    this.#socket.send(clientQuestion(payload));
  }

  /** The answer to text of the original. */
  async text(body: string): Promise<unknown> {
    const before = this.texts.length;
    this.send(Buffer.from(body));
    return JSON.parse(await until('an answer in text', () => this.texts[before]));
  }

  async ask(question: Omit<ClientQuestion, 'id'> & Record<string, unknown>, id = `q${this.#next}`): Promise<unknown> {
    this.#next += 1;
    const reply = await new Promise<ClientReply>((resolve) => {
      this.#waiting.set(id, resolve);
      this.send(encodeNative({ ...question, id }));
    });
    if (reply.error !== undefined) throw MusterError.fromWire(reply.error);
    return reply.result;
  }

  async upload(bytes: Buffer): Promise<string> {
    const hash = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    await this.ask({ type: 'bundle.put', hash, size: bytes.length, offset: 0, data: bytes });
    return hash;
  }

  close(): Promise<void> {
    return this.#socket.close();
  }
}

/** Events of one run, as a watcher hears them. */
export const watch = (broker: Broker, run: string): { readonly events: RunEvent[]; close(): Promise<void> } => {
  const events: RunEvent[] = [];
  const socket = openSocket('sub', {
    lingerMs: 0,
    onMessage: (frames) => void events.push(decodeNative(RunEvent, readEvent(frames).payload)),
  });
  socket.connect(broker.endpoints.events);
  socket.subscribe(`run.${run}`);
  return { events, close: () => socket.close() };
};

/** An agent in raw frames: it says what it is told to, and sends results by hand. */
export class RawAgent {
  readonly boot: string;
  readonly id: AgentId;
  readonly heard: BrokerMessage[] = [];
  readonly #backend: Socket;
  readonly #receiver: Socket;
  readonly #node: string;
  readonly #numbers = new Map<string, number>();
  #beats: NodeJS.Timeout | undefined;

  constructor(broker: Broker, node: string, boot: string) {
    this.#node = node;
    this.boot = boot;
    this.id = agentId(node, boot);
    this.#backend = openSocket('dealer', {
      routingId: this.id,
      lingerMs: 0,
      onMessage: (frames) => void this.heard.push(decodeNative(BrokerMessage, readAtAgent(frames).payload)),
    });
    this.#backend.connect(broker.endpoints.backend);
    this.#receiver = openSocket('push', { lingerMs: 100 });
    this.#receiver.connect(broker.endpoints.receiver);
  }

  say(message: AgentMessage): void {
    this.raw(encodeNative(message));
  }
  raw(payload: Buffer): void {
    this.#backend.send(toBroker(this.id, payload));
  }

  async hello(run: string | null = null): Promise<void> {
    this.say({
      type: 'hello',
      node: this.#node,
      boot: this.boot,
      version: '0.1.0',
      protocol: [...NATIVE_VERSIONS],
      hostname: 'host',
      pid: 1,
      cores: 1,
      workers: 1,
      labels: {},
      capacity: { memoryBytes: 1 },
      run: run === null ? null : { run: run as RunId, generation: 1 },
      streams: run === null ? [] : [{ stream: streamId(this.boot, run), last: 1 }],
    });
    await this.hears('welcome');
    let seq = 0;
    this.#beats = setInterval(() => {
      seq += 1;
      this.say({
        type: 'beat',
        seq,
        sentMs: machineMs(),
        lagMs: 0,
        cpu: 0,
        rssBytes: 0,
        vus: 0,
        outboxBytes: 0,
        clock: null,
      });
    }, 100);
  }

  /** The first message of a type, from the `from`th heard on. */
  hears<T extends BrokerMessage['type']>(type: T, from = 0): Promise<Extract<BrokerMessage, { type: T }>> {
    return until(
      `"${type}" at ${this.id}`,
      () =>
        this.heard.slice(from).find((each) => each.type === type) as Extract<BrokerMessage, { type: T }> | undefined,
    );
  }

  /** Goes through prepare and plans to the start. */
  async work(run: string, options: unknown, metrics: Prepared['metrics'] = []): Promise<void> {
    const id = run as RunId;
    await this.hears('prepare');
    this.say({ type: 'prepared', run: id, options, functions: ['default'], metrics });
    await until('plan 0', () => this.heard.some((each) => each.type === 'plan' && each.generation === 0));
    this.say({ type: 'plan.ack', run: id, generation: 0 });
    this.say({ type: 'ready', run: id });
    await until('plan 1', () => this.heard.some((each) => each.type === 'plan' && each.generation === 1));
    this.say({ type: 'plan.ack', run: id, generation: 1 });
    this.say({ type: 'started', run: id, atMs: 0 });
  }

  header(run: string, over: Partial<BatchHeader> = {}): BatchHeader {
    const number = over.number ?? this.#numbers.get(run) ?? 0;
    this.#numbers.set(run, number + 1);
    return {
      stream: streamId(this.boot, run),
      number,
      kind: 'window',
      run: run as RunId,
      agent: this.id,
      worker: 0,
      last: false,
      ...over,
    };
  }
  batch(header: BatchHeader, payload: object): void {
    this.#receiver.send([encodeNative(header), encodeNative(payload)]);
  }
  /** A second with so many requests, and their rows. */
  second(run: string, second: number, requests: number): void {
    this.batch(this.header(run), windowPayload(second, requests));
    this.batch(this.header(run, { kind: 'samples' }), samplesPayload(requests));
  }
  rawResult(frames: Buffer[]): void {
    this.#receiver.send(frames);
  }

  /** The last batch, and the word that it was the last. */
  finish(run: string, outcome: 'done' | 'aborted' = 'done'): void {
    const header = this.header(run, { kind: 'end', last: true });
    this.batch(header, { outcome, gaps: [] });
    this.say({
      type: 'finished',
      run: run as RunId,
      outcome,
      streams: [{ stream: header.stream, last: header.number }],
    });
  }

  /** How far a stream of ours is acknowledged. */
  acked(run: string): number {
    const stream = streamId(this.boot, run);
    return Math.max(-1, ...this.heard.map((each) => (each.type === 'ack' && each.stream === stream ? each.upTo : -1)));
  }

  async close(): Promise<void> {
    clearInterval(this.#beats);
    await Promise.all([this.#backend.close(), this.#receiver.close()]);
  }
}
