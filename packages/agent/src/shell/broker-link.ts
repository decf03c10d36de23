import {
  type AgentMessage,
  BOUNDS,
  BrokerMessage,
  batchFrames,
  decodeNative,
  encodeNative,
  MusterError,
  readAtAgent,
  toBroker,
} from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';
import type { WireBatch } from '../outbox/box-record.js';
import type { SupervisorEvent } from '../supervisor/event.js';
import { type BrokerPlace, discover } from './discover.js';
import { probePort } from './port-probe.js';

export interface BrokerLinkOptions {
  readonly frontend: string;
  readonly agent: string;
  readonly insecure: boolean;
  readonly onEvent: (
    event: Extract<SupervisorEvent, { readonly type: `link.${string}` | 'message' | 'send.refused' | 'membership' }>,
  ) => void;
  /** Something came that is no message: counted and dropped. */
  readonly onFault: (fault: MusterError) => void;
}

const PROBE_MS = 1_000;
/** Batches inside zeromq: what it holds is lost with the connection, and sent again. */
const RECEIVER_MARK = 256;

/** The agent's sockets: asks where the broker is, connects afresh, carries messages and batches. */
export class BrokerLink {
  readonly #options: BrokerLinkOptions;
  #place: BrokerPlace | null = null;
  #backend: Socket | null = null;
  #receiver: Socket | null = null;
  #attempt = 0;
  #closed = false;

  constructor(options: BrokerLinkOptions) {
    this.#options = options;
  }

  /** Asks the frontend and connects to what it says. A later call makes an earlier one's answer void. */
  async connect(): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    const discovery = await discover(this.#options.frontend, this.#options.insecure).catch((thrown: unknown) => ({
      found: null,
      refused: false as const,
      why: MusterError.from(thrown).message,
    }));
    if (this.#closed || attempt !== this.#attempt) return;
    if (discovery.found === null) {
      this.#options.onEvent(discovery.refused ? { type: 'link.refused' } : { type: 'link.silent', why: discovery.why });
      return;
    }
    if ('original' in discovery) {
      this.#options.onEvent({ type: 'membership', event: { type: 'place', place: discovery.found } });
      return;
    }
    await this.#open(discovery.found);
    if (!this.#closed && attempt === this.#attempt) this.#options.onEvent({ type: 'link.up' });
  }

  async #open(place: BrokerPlace): Promise<void> {
    const before = [this.#backend, this.#receiver];
    this.#place = place;
    this.#backend = null;
    this.#receiver = null;
    // The broker takes an id over from a connection that is gone; so the old one goes first.
    await Promise.all(before.map((socket) => socket?.close()));
    if (this.#closed) return;
    let down = false;
    const backend = openSocket('dealer', {
      routingId: this.#options.agent,
      // A run of the original may bring its files.
      maxMessageBytes: BOUNDS.originalRunBytes,
      lingerMs: 0,
      onMessage: (frames) => {
        if (this.#backend === backend) this.#heard(frames);
      },
      onDown: () => {
        if (this.#backend !== backend) return;
        down = true;
        this.#options.onEvent({ type: 'link.dropped' });
      },
      onUp: () => {
        if (this.#backend !== backend || !down) return;
        // zeromq connected again by itself: what was on its way is lost, and it may be another broker.
        down = false;
        this.#options.onEvent({ type: 'link.up' });
      },
    });
    this.#backend = backend;
    backend.connect(place.backend);
    this.#receiver = openSocket('push', {
      highWaterMark: RECEIVER_MARK,
      lingerMs: 0,
      queueBytes: BOUNDS.unackedBytes * 2,
    });
    this.#receiver.connect(place.receiver);
  }

  /** Where results go; null before a broker of ours was found. */
  get receiver(): string | null {
    return this.#place?.receiver ?? null;
  }

  /** Tells when the backend's port refuses connections, and nothing otherwise. */
  async probe(): Promise<void> {
    if (this.#place === null) return;
    const state = await probePort(this.#place.backend, PROBE_MS);
    if (state === 'refused' && !this.#closed) this.#options.onEvent({ type: 'link.refused' });
  }

  #heard(frames: readonly Buffer[]): void {
    let message: BrokerMessage;
    try {
      message = decodeNative(BrokerMessage, readAtAgent(frames).payload, BOUNDS.originalRunBytes);
    } catch (thrown) {
      this.#options.onFault(MusterError.from(thrown));
      return;
    }
    this.#options.onEvent({ type: 'message', message });
  }

  send(message: AgentMessage): void {
    let payload: Buffer;
    try {
      payload = encodeNative(message);
      if (payload.byteLength > BOUNDS.controlBytes) {
        throw new MusterError(
          'MESSAGE_TOO_LARGE',
          `it has ${payload.byteLength} bytes, more than ${BOUNDS.controlBytes}`,
        );
      }
    } catch (thrown) {
      const { code, message: why } = MusterError.from(thrown);
      this.#options.onEvent({ type: 'send.refused', message, code, why });
      return;
    }
    this.#backend?.send(toBroker(this.#options.agent, payload));
  }

  push(batch: WireBatch): void {
    this.#receiver?.send(batchFrames(batch.header, batch.payload));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#backend?.close(), this.#receiver?.close()]);
  }
}
