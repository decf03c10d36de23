import {
  ClientMessage,
  decodeNative,
  decodeOriginal,
  encodeNative,
  encodeOriginal,
  eventFrames,
  eventTopic,
  frontendAnswer,
  isNative,
  MusterError,
  OriginalCommand,
  type PingResult,
  type Progress,
  type RunEvent,
  type RunId,
  type RunInfo,
  type RunState,
  readFrontend,
  readSubscription,
  type Snapshot,
  type VersionRange,
} from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';

export const RUN = '0198f3a2-7c1e-7b64-9a51-3f0a2d6c8e10' as RunId;
const BOOT = 'ab'.repeat(16);

/** Answers a question: a result, an error by throwing it, or silence. */
export type Handler = (message: ClientMessage) => unknown;
/** Says nothing, as a broker does that is gone. */
export const SILENCE = Symbol('silence');

export interface FakeOptions {
  readonly frontend?: string;
  /** Undefined: a broker of the original. */
  readonly native?: VersionRange | undefined;
  readonly handlers?: Readonly<Record<string, Handler>>;
}

/** A broker that says what a test tells it to, on real sockets. */
export class FakeBroker {
  readonly asked: ClientMessage[] = [];
  readonly subscriptions: string[] = [];
  readonly handlers: Record<string, Handler>;
  endpoint = '';
  events = '';
  readonly #native: VersionRange | undefined;
  readonly #frontend: Socket;
  readonly #events: Socket;
  readonly #watchers = new Set<() => void>();

  private constructor({ native, handlers = {} }: FakeOptions) {
    this.#native = native;
    this.handlers = { ping: () => this.pong(), ...handlers };
    this.#frontend = openSocket('router', { lingerMs: 0, onMessage: (frames) => this.#receive(frames) });
    this.#events = openSocket('xpub', {
      lingerMs: 0,
      onMessage: (frames) => {
        const subscription = readSubscription(frames);
        if (subscription?.subscribed === true) this.subscriptions.push(subscription.topic);
        this.#changed();
      },
    });
  }

  static async start(options: FakeOptions = {}): Promise<FakeBroker> {
    const broker = new FakeBroker({ native: [1, 1], ...options });
    broker.events = await broker.#events.bind('tcp://127.0.0.1:*');
    broker.endpoint = await bindSoon(broker.#frontend, options.frontend ?? 'tcp://127.0.0.1:*');
    return broker;
  }

  pong(): PingResult {
    const endpoint = this.endpoint;
    return {
      pid: process.pid,
      boot: BOOT,
      version: '0.1.0',
      native: this.#native ?? [1, 1],
      endpoints: {
        frontend: endpoint,
        backend: endpoint,
        register: endpoint,
        receiver: endpoint,
        publisher: endpoint,
        events: this.events.replace('127.0.0.1', '0.0.0.0'),
      },
      agents: 0,
      clockMs: 1.5,
      limits: {},
      security: { keys: false, loopbackOnly: true },
    };
  }

  publish(event: RunEvent): void {
    this.#events.send(eventFrames(eventTopic(event.run), encodeNative(event)));
  }

  /** Resolves when the condition holds, looked at whenever something comes in. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!condition()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
    });
  }

  count(type: string): number {
    return this.asked.filter((message) => message.type === type).length;
  }

  async close(): Promise<void> {
    await Promise.all([this.#frontend.close(), this.#events.close()]);
  }

  #receive(frames: readonly Buffer[]): void {
    const { route, payload } = readFrontend(frames);
    if (!isNative(payload)) {
      const { command } = decodeOriginal(OriginalCommand, payload);
      const native = this.#native === undefined ? {} : { native: this.#native };
      const answer =
        command === 'PING' ? { result: { pid: 1, endpoints: {}, agents: {}, ...native } } : { error: 'no' };
      this.#frontend.send(frontendAnswer(route, encodeOriginal(answer)));
      return;
    }
    const message = decodeNative(ClientMessage, payload);
    this.asked.push(message);
    void this.#answer(route, message);
    this.#changed();
  }

  async #answer(route: string, message: ClientMessage): Promise<void> {
    const send = (reply: object) =>
      this.#frontend.send(frontendAnswer(route, encodeNative({ id: message.id, ...reply })));
    try {
      const result = await (this.handlers[message.type] ?? notHere)(message);
      if (result !== SILENCE) send({ result: result ?? null });
    } catch (thrown) {
      send({ error: MusterError.from(thrown).toWire() });
    }
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

const notHere = ({ type }: ClientMessage): never => {
  throw new MusterError('UNKNOWN_COMMAND', `nobody answers "${type}" here`);
};

const bindSoon = (socket: Socket, endpoint: string): Promise<string> =>
  socket.bind(endpoint).catch(async (thrown: unknown) => {
    if (endpoint.endsWith('*')) throw thrown;
    await new Promise((resolve) => setImmediate(resolve));
    return await bindSoon(socket, endpoint);
  });

export const runInfo = (state: RunState): RunInfo => ({
  id: RUN,
  name: 'checkout.ts',
  state,
  verdict: state === 'finished' ? 'passed' : null,
  exitCode: state === 'finished' ? 0 : null,
  reason: null,
  submittedAt: '2026-11-23T18:32:35.436Z',
  startedAt: null,
  endedAt: null,
  bundle: `sha256:${'0'.repeat(64)}` as RunInfo['bundle'],
  agents: [],
});

export const progress = (number: number, state: RunState = 'running'): Progress => ({
  run: RUN,
  number,
  state,
  atMs: number * 1_000,
  plannedMs: 10_000,
  requests: { count: number * 10, failed: 0, rate: 10, failedRate: 0 },
  latency: { second: null, total: { p50: 1, p95: 2, p99: 3 } },
  iterations: { count: number, rate: 1, dropped: 0, failed: 0 },
  checks: { passes: 0, fails: 0 },
  scenarios: [],
  agents: [],
  thresholds: [],
});

export const progressEvent = (number: number): RunEvent => ({
  kind: 'progress',
  run: RUN,
  number,
  progress: progress(number),
});
export const stateEvent = (number: number, state: RunState): RunEvent => ({
  kind: 'state',
  run: RUN,
  number,
  state,
  text: '',
});
export const noteEvent = (number: number, text: string): RunEvent => ({
  kind: 'note',
  run: RUN,
  number,
  atMs: number * 1_000,
  level: 'info',
  text,
});

export const snapshot = (number: number, state: RunState, parts: Partial<Snapshot> = {}): Snapshot => ({
  run: runInfo(state),
  number,
  progress: number < 0 ? null : progress(number, state),
  notes: [],
  ...parts,
});
