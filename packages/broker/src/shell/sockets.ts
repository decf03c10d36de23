import { BOUNDS, formatEndpoint, type MusterError, parseEndpoint, TIMES } from '@muster/protocol';
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
  /** What came on a socket could not even be handled. */
  fault(socket: SocketName, fault: MusterError): void;
}

export type Sockets = Readonly<Record<SocketName, Socket>>;

/** Batches inside zeromq per sender before it has to wait: about what an outbox has in flight; it keeps the rest. */
const RECEIVER_MARK = 32;
/** Events inside zeromq per slow watcher; beyond it zeromq drops, and the watcher sees a gap in the numbers. */
const EVENTS_MARK = 10_000;

/** Makes the sockets; nothing comes in before they are bound. */
export const openSockets = (listener: SocketListener): Sockets => {
  const common = (name: SocketName) => ({
    lingerMs: TIMES.lingerMs,
    onUnsent: (frames: readonly Buffer[], why: string) => listener.unsent(name, frames, why),
    onFault: (fault: MusterError) => listener.fault(name, fault),
  });
  return {
    frontend: openSocket('router', {
      ...common('frontend'),
      maxMessageBytes: BOUNDS.controlBytes,
      onMessage: (frames) => listener.frontend(frames),
    }),
    backend: openSocket('router', {
      ...common('backend'),
      maxMessageBytes: BOUNDS.controlBytes,
      highWaterMark: 10_000,
      onMessage: (frames) => listener.backend(frames),
    }),
    register: openSocket('pull', {
      ...common('register'),
      maxMessageBytes: BOUNDS.controlBytes,
      onMessage: (frames) => listener.register(frames),
    }),
    receiver: openSocket('pull', {
      ...common('receiver'),
      maxMessageBytes: BOUNDS.resultBytes,
      highWaterMark: RECEIVER_MARK,
      onMessage: (frames) => listener.receiver(frames),
    }),
    publisher: openSocket('xpub', {
      ...common('publisher'),
      maxMessageBytes: 1_024,
      onMessage: (frames) => listener.publisher(frames),
    }),
    events: openSocket('xpub', {
      ...common('events'),
      maxMessageBytes: 1_024,
      highWaterMark: EVENTS_MARK,
      onMessage: (frames) => listener.events(frames),
    }),
  };
};

/** Binds some of the sockets, one after the other. @throws MusterError `ADDRESS_IN_USE`. */
export const bindSockets = async (
  sockets: Sockets,
  names: readonly SocketName[],
  wanted: BoundEndpoints,
): Promise<Partial<BoundEndpoints>> => {
  const bound: Partial<Record<SocketName, string>> = {};
  for (const name of names) bound[name] = await sockets[name].bind(wanted[name]);
  return bound;
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
