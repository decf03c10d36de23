import { randomInt } from 'node:crypto';
import { type ClientMessage, MusterError, type PingResult, type RunId } from '@muster/protocol';
import { v7 } from 'uuid';
import type { BundleShelf } from '../bundles/bundle-shelf.js';
import type { ControllerEvent } from '../controller/events.js';

export interface ClientDeskPort {
  readonly shelf: BundleShelf;
  ping(): PingResult;
  handle(event: ControllerEvent): void;
  /** An answer that nobody waits for any more. */
  giveUp(client: string, request: string): void;
  reply(client: string, id: string, result: unknown): void;
  fail(client: string, id: string, error: MusterError): void;
}

/** Largest seed: what every language's 32-bit integers hold. */
const MAX_SEED = 2 ** 31 - 1;

/** Questions of clients: what needs no decision is answered here, everything else is the controller's. */
export const askDesk = (port: ClientDeskPort, client: string, message: ClientMessage): void => {
  switch (message.type) {
    case 'ping':
      port.reply(client, message.id, port.ping());
      return;
    case 'bundle.has':
      port.reply(client, message.id, { has: port.shelf.sizeOf(message.hash) !== null });
      return;
    case 'bundle.put':
      void port.shelf.put(client, message).then(
        (result) => port.reply(client, message.id, result),
        (thrown) => port.fail(client, message.id, MusterError.from(thrown, 'STORE_FAILED')),
      );
      return;
    case 'cancel':
      port.giveUp(client, message.request);
      port.reply(client, message.id, {});
      return;
    case 'submit':
      port.handle({
        type: 'client',
        client,
        message,
        fresh: { run: v7() as RunId, seed: randomInt(MAX_SEED), bundleSize: port.shelf.sizeOf(message.bundle) },
      });
      return;
    default:
      port.handle({ type: 'client', client, message });
      return;
  }
};
