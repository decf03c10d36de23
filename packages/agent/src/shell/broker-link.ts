import { connect } from 'node:net';
import {
  type AgentMessage,
  BOUNDS,
  BrokerMessage,
  clientQuestion,
  decodeNative,
  decodeOriginal,
  encodeNative,
  MusterError,
  NATIVE_VERSIONS,
  nativePing,
  negotiate,
  OriginalAnswer,
  parseEndpoint,
  readAtAgent,
  readClientAnswer,
  TIMES,
  toBroker,
  type VersionRange,
} from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';

export interface BrokerLinkOptions {
  readonly frontend: string;
  readonly agent: string;
  readonly onUp: () => void;
  readonly onDown: () => void;
  /** The frontend's port refuses connections. */
  readonly onRefused: () => void;
  readonly onMessage: (message: BrokerMessage) => void;
  readonly onFault: (error: MusterError) => void;
}

const TICK_MS = 250;
const PING_MS = 1_000;

/**
 * The agent's connection to a broker: asks the frontend where everything is, keeps the backend and the receiver
 * connected, and asks again when it has heard nothing for two seconds. It never gives up.
 */
export class BrokerLink {
  readonly #options: BrokerLinkOptions;
  #frontend: Socket | null = null;
  #backend: Socket | null = null;
  #backendEndpoint = '';
  #receiver: Socket | null = null;
  #receiverEndpoint = '';
  #up = false;
  #closed = false;
  #heardMs = 0;
  #pingedMs = Number.NEGATIVE_INFINITY;
  readonly #timer: NodeJS.Timeout;

  constructor(options: BrokerLinkOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#tick();
  }

  #tick(): void {
    const nowMs = performance.now();
    if (this.#up && nowMs - this.#heardMs < TIMES.silenceMs) return;
    if (this.#up) {
      this.#up = false;
      this.#options.onDown();
    }
    if (nowMs - this.#pingedMs < PING_MS) return;
    this.#pingedMs = nowMs;
    this.#ask();
    this.#probe();
  }

  /** A fresh socket each time: what an old one still holds back would be answered by nobody. */
  #ask(): void {
    const before = this.#frontend;
    const socket = openSocket('dealer', {
      maxMessageBytes: BOUNDS.controlBytes,
      lingerMs: 0,
      onMessage: (frames) => {
        if (this.#frontend === socket) this.#answered(frames);
      },
    });
    this.#frontend = socket;
    socket.connect(this.#options.frontend);
    socket.send(clientQuestion(nativePing(NATIVE_VERSIONS)));
    void before?.close();
  }

  #answered(frames: Buffer[]): void {
    try {
      const answer = decodeOriginal(OriginalAnswer, readClientAnswer(frames)) as {
        result?: { endpoints?: { backend?: string }; native?: VersionRange };
      };
      const backend = answer.result?.endpoints?.backend;
      if (backend === undefined) throw new MusterError('BAD_MESSAGE', 'the broker does not say where its backend is');
      if (answer.result?.native === undefined)
        throw new MusterError('NOT_SUPPORTED', 'this is a broker of the original: its dialect is not spoken yet');
      negotiate(answer.result.native, 'the broker');
      this.#connectBackend(backend);
    } catch (thrown) {
      this.#options.onFault(MusterError.from(thrown));
    }
  }

  #connectBackend(endpoint: string): void {
    this.#heardMs = performance.now();
    if (this.#backend === null || this.#backendEndpoint !== endpoint) {
      void this.#backend?.close();
      this.#backendEndpoint = endpoint;
      this.#backend = openSocket('dealer', {
        routingId: this.#options.agent,
        maxMessageBytes: BOUNDS.controlBytes,
        onMessage: (frames) => this.#heard(frames),
      });
      this.#backend.connect(endpoint);
    }
    this.#up = true;
    this.#options.onUp();
  }

  #heard(frames: Buffer[]): void {
    this.#heardMs = performance.now();
    try {
      this.#options.onMessage(decodeNative(BrokerMessage, readAtAgent(frames).payload));
    } catch (thrown) {
      this.#options.onFault(MusterError.from(thrown));
    }
  }

  /** Whether the port refuses: only then is the broker's process known to be gone. */
  #probe(): void {
    const endpoint = parseEndpoint(this.#options.frontend);
    if (endpoint.transport !== 'tcp' || endpoint.port === '*') return;
    const socket = connect({ host: endpoint.host, port: endpoint.port, timeout: PING_MS });
    socket.on('connect', () => socket.destroy());
    socket.on('timeout', () => socket.destroy());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      socket.destroy();
      if (error.code === 'ECONNREFUSED' && !this.#closed) this.#options.onRefused();
    });
  }

  send(message: AgentMessage): void {
    this.#backend?.send(toBroker(this.#options.agent, encodeNative(message)));
  }

  /** The receiver of results; another one than before replaces it. */
  connectReceiver(endpoint: string): void {
    if (this.#receiver !== null && this.#receiverEndpoint === endpoint) return;
    void this.#receiver?.close();
    this.#receiverEndpoint = endpoint;
    this.#receiver = openSocket('push', { highWaterMark: 256 });
    this.#receiver.connect(endpoint);
  }

  sendResult(header: Buffer, payload: Buffer): void {
    this.#receiver?.send([header, payload]);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await Promise.all([this.#frontend?.close(), this.#backend?.close(), this.#receiver?.close()]);
  }
}
