import { BOUNDS, formatEndpoint, parseEndpoint, TIMES } from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';
import type { BoundEndpoints } from '../data-folder/kept-endpoints.js';
import { SOCKETS, type SocketName } from '../options/broker-options.js';

/** What comes in on the sockets. A promise holds the next message of that socket back. */
export interface SocketListener {
  frontend(frames: readonly Buffer[]): void;
  backend(frames: readonly Buffer[]): void;
  register(frames: readonly Buffer[]): void;
  receiver(frames: readonly Buffer[]): void | Promise<void>;
  /** A subscription (first byte 1) or its end (0), as XPUB tells it. */
  publisher(frames: readonly Buffer[]): void;
  events(frames: readonly Buffer[]): void;
  /** A message could not be sent: the peer is gone, or does not read. */
  unsent(socket: SocketName, frames: readonly Buffer[], why: string): void;
}

export type Sockets = Readonly<Record<SocketName, Socket>>;

/** Batches inside zeromq before a sender has to wait: its outbox keeps the rest. */
const RECEIVER_MARK = 256;
/** Events inside zeromq per slow watcher; beyond it zeromq drops, and the watcher sees a gap in the numbers. */
const EVENTS_MARK = 10_000;

/** Makes the sockets; nothing comes in before they are bound. */
export const openSockets = (listener: SocketListener): Sockets => {
  const unsent = (name: SocketName) => (frames: readonly Buffer[], why: string) => listener.unsent(name, frames, why);
  const common = { lingerMs: TIMES.lingerMs };
  return {
    frontend: openSocket('router', {
      ...common,
      maxMessageBytes: BOUNDS.controlBytes,
      onMessage: (frames) => listener.frontend(frames),
      onUnsent: unsent('frontend'),
    }),
    backend: openSocket('router', {
      ...common,
      maxMessageBytes: BOUNDS.controlBytes,
      highWaterMark: 10_000,
      onMessage: (frames) => listener.backend(frames),
      onUnsent: unsent('backend'),
    }),
    register: openSocket('pull', {
      ...common,
      maxMessageBytes: BOUNDS.controlBytes,
      onMessage: (frames) => listener.register(frames),
    }),
    receiver: openSocket('pull', {
      ...common,
      maxMessageBytes: BOUNDS.resultBytes,
      highWaterMark: RECEIVER_MARK,
      onMessage: (frames) => listener.receiver(frames),
    }),
    publisher: openSocket('xpub', {
      ...common,
      maxMessageBytes: 1_024,
      onMessage: (frames) => listener.publisher(frames),
      onUnsent: unsent('publisher'),
    }),
    events: openSocket('xpub', {
      ...common,
      maxMessageBytes: 1_024,
      highWaterMark: EVENTS_MARK,
      onMessage: (frames) => listener.events(frames),
      onUnsent: unsent('events'),
    }),
  };
};

/** Binds all, one after the other, the frontend last: whoever is answered there finds the rest. @throws MusterError `ADDRESS_IN_USE`. */
export const bindSockets = async (sockets: Sockets, wanted: BoundEndpoints): Promise<BoundEndpoints> => {
  const bound: Partial<Record<SocketName, string>> = {};
  for (const name of [...SOCKETS].reverse()) bound[name] = await sockets[name].bind(wanted[name]);
  return bound as Record<SocketName, string>;
};

export const closeSockets = async (sockets: Sockets): Promise<void> => {
  await Promise.all(SOCKETS.map((name) => sockets[name].close()));
};

/** What peers are told: the bound endpoints with the advertised host in place of theirs. */
export const advertised = (bound: BoundEndpoints, host: string | null): BoundEndpoints => {
  if (host === null) return bound;
  return Object.fromEntries(
    SOCKETS.map((name) => {
      const endpoint = parseEndpoint(bound[name]);
      return [name, endpoint.transport === 'ipc' ? bound[name] : formatEndpoint({ ...endpoint, host })];
    }),
  ) as Record<SocketName, string>;
};
