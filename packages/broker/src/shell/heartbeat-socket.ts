import { TIMES } from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';
import { onHost } from './sockets.js';

/** Where agents of the original hear that the broker lives; without an endpoint there is none, as in the original. */
export class HeartbeatSocket {
  readonly #endpoint: string | null;
  #socket: Socket | null = null;

  constructor(endpoint: string | null) {
    this.#endpoint = endpoint;
  }

  /** @returns what peers are told. @throws MusterError `ADDRESS_IN_USE`. */
  async bind(advertise: string | null): Promise<{ readonly heartbeat?: string }> {
    if (this.#endpoint === null) return {};
    this.#socket = openSocket('xpub', { lingerMs: TIMES.lingerMs, maxMessageBytes: 1_024 });
    const bound = await this.#socket.bind(this.#endpoint);
    return { heartbeat: advertise === null ? bound : onHost(bound, advertise) };
  }

  say(text: string): void {
    this.#socket?.send([text]);
  }

  async close(): Promise<void> {
    await this.#socket?.close();
  }
}
