import { BOUNDS, formatEndpoint, type MusterError, parseEndpoint, TIMES } from '@muster/protocol';
import { openSocket, type Socket } from '@muster/protocol/zmq';
import type { BoundEndpoints } from '../data-folder/kept-endpoints.js';
import { SOCKETS, type SocketName } from '../options/broker-options.js';
import { BROKER_ID } from '../original/shell/broker-id.js';

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

/** The files of a run go to each of its agents. The bytes that wait are the same ones for all of the original. */
const BACKEND_QUEUE_BYTES = 16 * BOUNDS.originalRunBytes;

/** A few of the largest answers. */
const FRONTEND_QUEUE_BYTES = 4 * BOUNDS.answerBytes;

export type Sockets = Readonly<Record<SocketName, Socket>>;

/** Batches inside zeromq per sender before it has to wait: about what an outbox has in flight; it keeps the rest. */
const RECEIVER_MARK = 32;
/** Events inside zeromq per slow watcher; beyond it zeromq drops, and the watcher sees a gap in the numbers. */
const EVENTS_MARK = 10_000;

/**
 * Makes the sockets; nothing comes in before they are bound.
 *
 * @param publisherQueue messages of the publisher inside zeromq per slow watcher; beyond it zeromq drops, and tells nobody
 */
export const openSockets = (publisherQueue: number, listener: SocketListener): Sockets => {
  const common = (name: SocketName) => ({
    lingerMs: TIMES.lingerMs,
    onUnsent: (frames: readonly Buffer[], why: string) => listener.unsent(name, frames, why),
    onFault: (fault: MusterError) => listener.fault(name, fault),
  });
  return {
    frontend: openSocket('router', {
      ...common('frontend'),
      // A RUN of the original brings its files; the bound of every other question is kept where it is read.
      maxMessageBytes: BOUNDS.originalRunBytes,
      queueBytes: FRONTEND_QUEUE_BYTES,
      onMessage: (frames) => listener.frontend(frames),
    }),
    backend: openSocket('router', {
      ...common('backend'),
      maxMessageBytes: BOUNDS.controlBytes,
      highWaterMark: 10_000,
      routingId: BROKER_ID,
      queueBytes: BACKEND_QUEUE_BYTES,
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
      highWaterMark: publisherQueue,
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
  return Object.fromEntries(SOCKETS.map((name) => [name, onHost(bound[name], host)])) as Record<SocketName, string>;
};

/** An endpoint with another host; one without a host stays as it is. */
export const onHost = (bound: string, host: string): string => {
  const endpoint = parseEndpoint(bound);
  return endpoint.transport === 'ipc' ? bound : formatEndpoint({ ...endpoint, host });
};
