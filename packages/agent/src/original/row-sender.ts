import { encodeOriginal } from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';
import type { LoadsRow } from './events.js';

const LINGER_MS = 1_000;
const ROWS = 10_000;

/**
 * Pushes rows of the original to a broker, as JSON. There is no acknowledgement: what a broken connection held is lost.
 * The host's name is not among the fields, for clients of the original trip over it.
 */
export class RowSender {
  #socket: Socket | null = null;
  #endpoint = '';

  send(receiver: string, agent: string, run: string, rows: readonly LoadsRow[]): void {
    const socket = this.#to(receiver);
    for (const row of rows) socket.send([encodeOriginal({ ...row, agent_id: agent, run_id: run })]);
  }

  #to(receiver: string): Socket {
    if (this.#socket !== null && this.#endpoint === receiver) return this.#socket;
    void this.#socket?.close();
    const socket = openSocket('push', { lingerMs: LINGER_MS, queue: ROWS, heartbeatMs: 0 });
    socket.connect(receiver);
    this.#socket = socket;
    this.#endpoint = receiver;
    return socket;
  }

  async close(): Promise<void> {
    await this.#socket?.close();
  }
}
