import { createHash, randomBytes } from 'node:crypto';
import { resolveOptions } from '@muster/plan';
import {
  type AgentId,
  AgentMessage,
  BatchHeader,
  BOUNDS,
  type BrokerMessage,
  type BundleHash,
  decodeNative,
  encodeNative,
  encodeOriginal,
  frontendAnswer,
  machineMs,
  NATIVE_VERSIONS,
  type RunId,
  readBackend,
  readFrontend,
  readReceiver,
  toAgent,
} from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';

type Heard<T extends AgentMessage['type']> = Extract<AgentMessage, { readonly type: T }>;
export interface ReceivedBatch {
  readonly header: BatchHeader;
  readonly payload: Buffer;
}

export interface FakeBrokerOptions {
  /** Endpoints of one before it, to take its place. */
  readonly at?: { readonly frontend: string; readonly backend: string; readonly receiver: string };
  /** Answers a ping without saying that it speaks natively, nor where to register. */
  readonly original?: boolean;
}

const ANY = 'tcp://127.0.0.1:*';

/** Binds a port that another socket let go of a moment ago. */
const bindSoon = async (socket: Socket, endpoint: string): Promise<string> => {
  for (;;) {
    try {
      return await socket.bind(endpoint);
    } catch (thrown) {
      if ((thrown as { code?: string }).code !== 'ADDRESS_IN_USE') throw thrown;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
};

/** Just enough of a broker to lead agents through a run over real sockets; what a test plays itself it switches off. */
export class FakeBroker {
  readonly boot = randomBytes(16).toString('hex');
  readonly heard: { readonly agent: AgentId; readonly message: AgentMessage }[] = [];
  readonly batches: ReceivedBatch[] = [];
  /** Rows of the original, as programs push them. */
  readonly rows: Readonly<Record<string, unknown>>[] = [];
  endpoints = { frontend: ANY, backend: ANY, receiver: ANY };
  acks = true;
  beats = true;
  /** Plans by generation that agents of the run are granted. */
  granted: { readonly run: RunId; readonly generation: number } | null = null;
  readonly #options: FakeBrokerOptions;
  readonly #bundles = new Map<BundleHash, Uint8Array>();
  readonly #looks = new Set<() => void>();
  readonly #frontend: Socket;
  readonly #backend: Socket;
  readonly #receiver: Socket;
  /** Who has a stream: of an earlier life of an agent, its present one. */
  readonly #holders = new Map<string, AgentId>();
  /** By stream, up to where everything has come. */
  readonly #upTo = new Map<string, number>();

  static async open(options: FakeBrokerOptions = {}): Promise<FakeBroker> {
    const broker = new FakeBroker(options);
    const at = options.at ?? broker.endpoints;
    broker.endpoints = {
      backend: await bindSoon(broker.#backend, at.backend),
      receiver: await bindSoon(broker.#receiver, at.receiver),
      frontend: at.frontend,
    };
    broker.endpoints = { ...broker.endpoints, frontend: await bindSoon(broker.#frontend, at.frontend) };
    return broker;
  }

  private constructor(options: FakeBrokerOptions) {
    this.#options = options;
    this.#frontend = openSocket('router', { lingerMs: 0, onMessage: (frames) => this.#asked(frames) });
    this.#backend = openSocket('router', { lingerMs: 0, onMessage: (frames) => this.#told(frames) });
    this.#receiver = openSocket('pull', { lingerMs: 0, onMessage: (frames) => this.#received(frames) });
  }

  #asked(frames: Buffer[]): void {
    const { route } = readFrontend(frames);
    const native = this.#options.original === true ? {} : { native: NATIVE_VERSIONS, version: '0.1.0' };
    const result = { pid: process.pid, agents: {}, endpoints: { ...this.endpoints }, ...native };
    this.#frontend.send(frontendAnswer(route, encodeOriginal({ result })));
  }

  #told(frames: Buffer[]): void {
    const { agent, payload } = readBackend(frames);
    const message = decodeNative(AgentMessage, payload);
    const id = agent as AgentId;
    this.heard.push({ agent: id, message });
    if (message.type === 'hello') {
      for (const { stream } of message.streams) this.#holders.set(stream, id);
      this.#welcome(id);
    }
    // Who has not signed on with this broker is not answered.
    const known = this.heard.some((each) => each.agent === id && each.message.type === 'hello');
    if (message.type === 'beat' && this.beats && known) this.#beat(id, message);
    if (message.type === 'bundle.get') {
      const bytes = this.#bundles.get(message.hash);
      const data = bytes?.subarray(message.offset, message.offset + BOUNDS.bundleChunkBytes);
      this.say(
        id,
        data === undefined
          ? { type: 'reply', id: message.id, error: { code: 'BUNDLE_UNKNOWN', message: 'no such bundle' } }
          : { type: 'reply', id: message.id, result: { size: bytes?.byteLength, data } },
      );
    }
    this.#look();
  }

  #welcome(agent: AgentId): void {
    this.say(agent, {
      type: 'welcome',
      boot: this.boot,
      version: '0.1.0',
      protocol: 1,
      agent,
      receiver: this.endpoints.receiver,
      beatMs: 500,
      leaseMs: 1_500,
      lostMs: 2_000,
    });
  }

  #beat(agent: AgentId, beat: Heard<'beat'>): void {
    const receivedMs = machineMs();
    const grant = this.granted === null ? null : { ...this.granted, untilMs: receivedMs + 1_500 };
    const answeredMs = machineMs();
    this.say(agent, { type: 'beat', seq: beat.seq, sentMs: beat.sentMs, receivedMs, answeredMs, grant });
  }

  #received(frames: Buffer[]): void {
    const read = readReceiver(frames);
    if (!read.native) {
      this.rows.push(JSON.parse(read.body.toString()));
      this.#look();
      return;
    }
    const header = decodeNative(BatchHeader, read.header);
    this.batches.push({ header, payload: read.payload });
    const seen = new Set(this.batches.flatMap((b) => (b.header.stream === header.stream ? [b.header.number] : [])));
    let upTo = this.#upTo.get(header.stream) ?? -1;
    while (seen.has(upTo + 1)) upTo += 1;
    this.#upTo.set(header.stream, upTo);
    const holder = this.#holders.get(header.stream) ?? header.agent;
    if (this.acks && upTo >= 0) this.say(holder, { type: 'ack', stream: header.stream, upTo });
    this.#look();
  }

  say(agent: AgentId, message: BrokerMessage): void {
    this.raw(agent, encodeNative(message));
  }
  raw(agent: AgentId, payload: Buffer): void {
    this.#backend.send(toAgent(agent, 'broker', payload));
  }
  /** Frames of a test's own making. */
  frames(frames: readonly Buffer[]): void {
    this.#backend.send(frames);
  }

  addBundle(text: string): { readonly hash: BundleHash; readonly size: number } {
    const bytes = Buffer.from(text);
    const hash = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as BundleHash;
    this.#bundles.set(hash, bytes);
    return { hash, size: bytes.byteLength };
  }

  #look(): void {
    for (const look of this.#looks) look();
  }
  /** Resolves when the condition holds after something came. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!condition()) return;
        this.#looks.delete(look);
        resolve();
      };
      this.#looks.add(look);
      look();
    });
  }
  all<T extends AgentMessage['type']>(type: T): Heard<T>[] {
    return this.heard.flatMap(({ message }) => (message.type === type ? [message as Heard<T>] : []));
  }
  /** The n-th message of a type, when it has come. */
  async message<T extends AgentMessage['type']>(type: T, nth = 0): Promise<Heard<T>> {
    await this.until(() => this.all(type).length > nth);
    return this.all(type)[nth] as Heard<T>;
  }
  /** The next message of a type that is about a run. */
  async about<T extends 'prepared' | 'ready' | 'started' | 'finished' | 'fault' | 'slot.released'>(
    type: T,
    run: RunId,
  ): Promise<Heard<T>> {
    const found = () => this.all(type).find((message) => (message as { run?: string }).run === run);
    await this.until(() => found() !== undefined);
    return found() as Heard<T>;
  }
  async agent(nth = 0): Promise<AgentId> {
    const hellos = () => [...new Set(this.heard.flatMap((h) => (h.message.type === 'hello' ? [h.agent] : [])))];
    await this.until(() => hellos().length > nth);
    return hellos()[nth] as AgentId;
  }

  async prepare(
    agent: AgentId,
    run: RunId,
    bundle: { readonly hash: BundleHash; readonly size: number },
  ): Promise<void> {
    await this.until(() => this.heard.some((each) => each.agent === agent));
    this.say(agent, {
      type: 'prepare',
      run,
      name: 'test.ts',
      bundle,
      env: {},
      seed: 1,
      raw: 'all',
      orphan: { mode: 'continue', leaseMs: 60_000 },
    });
  }

  /** Leads one agent from `prepare` to the start of its load. */
  async start(agent: AgentId, run: RunId, text: string): Promise<void> {
    await this.prepare(agent, run, this.addBundle(text));
    const prepared = await this.about('prepared', run);
    const resolved = resolveOptions(prepared.options, {}, { functions: prepared.functions, metrics: [] });
    if (!resolved.ok) throw new Error(resolved.faults.map((fault) => fault.message).join());
    const plan = { type: 'plan' as const, run, fromMs: 0, members: [agent] };
    this.say(agent, { ...plan, generation: 0, startAtMs: null, options: resolved.options });
    await this.about('ready', run);
    this.granted = { run, generation: 1 };
    this.say(agent, { ...plan, generation: 1, startAtMs: machineMs() + 100 });
  }

  /** The batches of a stream in order, each once. */
  stream(stream: string): ReceivedBatch[] {
    const byNumber = new Map<number, ReceivedBatch>();
    for (const batch of this.batches) if (batch.header.stream === stream) byNumber.set(batch.header.number, batch);
    return [...byNumber.values()].sort((a, b) => a.header.number - b.header.number);
  }

  async close(): Promise<void> {
    await Promise.all([this.#frontend.close(), this.#backend.close(), this.#receiver.close()]);
  }
}
