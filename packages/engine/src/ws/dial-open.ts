import type { Socket } from 'node:net';
import type { ConnectionShared } from '../http/connection.js';
import { dial } from '../http/dial.js';
import type { Stage } from '../http/error-codes.js';
import type { Origin } from '../http/origin.js';
import { dialFailure, type WsFailure } from './ws-failure.js';

/** A connection under way; `stage` says how far it is. */
export class Dialing {
  readonly #origin: Origin;
  readonly #shared: ConnectionShared;
  #socket: Socket | null = null;
  #isOver = false;
  stage: Stage = 'resolving';

  constructor(origin: Origin, shared: ConnectionShared) {
    this.#origin = origin;
    this.#shared = shared;
  }

  /** A connection that is open, TLS included, to the first address that takes one; or why none does. */
  async open(): Promise<Socket | WsFailure> {
    const { dialHost, literal } = this.#origin;
    const { resolver } = this.#shared;
    let addresses: readonly string[];
    try {
      addresses = literal ? [dialHost] : (resolver.known(dialHost) ?? (await resolver.resolve(dialHost)));
    } catch (error) {
      return dialFailure(error as NodeJS.ErrnoException, 'resolving');
    }
    let last: Socket | WsFailure = dialFailure(new Error(`${dialHost} has no address`), 'resolving');
    for (const address of addresses) {
      if (this.#isOver) break;
      last = await this.#one(address);
      // Another address helps only where there was no connection.
      if (!('cause' in last) || this.stage !== 'dialing') return last;
    }
    return last;
  }

  /** Gives up; {@link open} then resolves with some failure. */
  end(): void {
    this.#isOver = true;
    this.#socket?.destroy();
  }

  #one(address: string): Promise<Socket | WsFailure> {
    this.stage = 'dialing';
    const socket = dial(this.#origin, address, null, this.#shared.tls);
    this.#socket = socket;
    socket.setNoDelay(true);
    return new Promise((resolve) => {
      const failed = (error: NodeJS.ErrnoException): void => resolve(dialFailure(error, this.stage));
      socket.on('error', failed);
      socket.once('close', () => failed(new Error('given up')));
      socket.once('connect', () => {
        this.stage = 'handshaking';
      });
      socket.once(this.#origin.tls ? 'secureConnect' : 'connect', () => {
        this.stage = 'open';
        resolve(socket);
      });
    });
  }
}
