import * as zmq from 'zeromq';

/** ROUTER and DEALER carry questions and answers, PUSH and PULL results, XPUB and SUB what is told to all. */
export type SocketKind = 'router' | 'dealer' | 'push' | 'pull' | 'xpub' | 'sub';

export type SendingSocket = zmq.Router | zmq.Dealer | zmq.Push | zmq.XPublisher;
export type ReceivingSocket = zmq.Router | zmq.Dealer | zmq.Pull | zmq.XPublisher | zmq.Subscriber;
export type AnySocket = SendingSocket | ReceivingSocket;

export const canSend = (socket: AnySocket): socket is SendingSocket => 'send' in socket;
export const canReceive = (socket: AnySocket): socket is ReceivingSocket => 'receive' in socket;

/** Settings of zeromq itself; defaults are those of `SocketOptions`. */
export interface TransportOptions {
  readonly routingId?: string;
  readonly maxMessageBytes?: number;
  readonly highWaterMark?: number;
  readonly sendTimeoutMs?: number;
  readonly lingerMs?: number;
  readonly heartbeatMs?: number;
  readonly handover?: boolean;
}

const RECONNECT_MS = 100;
const RECONNECT_MAX_MS = 2_000;
const PUSH_TIMEOUT_MS = 5_000;

/** A zeromq socket of a kind, with every bound set: the library's own defaults wait for ever. */
export const makeSocket = (kind: SocketKind, options: TransportOptions): AnySocket => {
  const common = {
    linger: options.lingerMs ?? 500,
    ...(options.maxMessageBytes === undefined ? {} : { maxMessageSize: options.maxMessageBytes }),
  };
  const highWaterMark = options.highWaterMark ?? 1_000;
  const outward = {
    sendHighWaterMark: highWaterMark,
    ...(options.sendTimeoutMs === undefined ? {} : { sendTimeout: options.sendTimeoutMs }),
  };
  const inward = { receiveHighWaterMark: highWaterMark };
  const dialing = { reconnectInterval: RECONNECT_MS, reconnectMaxInterval: RECONNECT_MAX_MS, ...heartbeat(options) };
  switch (kind) {
    case 'router':
      // A peer that is not there, or does not read, must not hold up the others: an error at once in place of waiting.
      return new zmq.Router({
        ...common,
        ...outward,
        ...inward,
        mandatory: true,
        ...(options.routingId === undefined ? {} : { routingId: options.routingId }),
        handover: options.handover ?? true,
        sendTimeout: options.sendTimeoutMs ?? 0,
      });
    case 'dealer':
      return new zmq.Dealer({
        ...common,
        ...outward,
        ...inward,
        ...dialing,
        ...(options.routingId === undefined ? {} : { routingId: options.routingId }),
      });
    case 'push':
      return new zmq.Push({
        ...common,
        ...outward,
        ...dialing,
        sendTimeout: options.sendTimeoutMs ?? PUSH_TIMEOUT_MS,
      });
    case 'pull':
      return new zmq.Pull({ ...common, ...inward });
    case 'xpub':
      return new zmq.XPublisher({ ...common, ...outward });
    case 'sub':
      return new zmq.Subscriber({ ...common, ...inward, ...dialing });
  }
};

/**
 * The side that dials asks for a sign of life, and tells the other to give up without one, so a cut cable is found on
 * both. A process whose loop is blocked still answers: the thread of the library does.
 */
const heartbeat = ({ heartbeatMs = 2_000 }: TransportOptions) =>
  heartbeatMs === 0
    ? {}
    : { heartbeatInterval: heartbeatMs, heartbeatTimeout: heartbeatMs * 3, heartbeatTimeToLive: heartbeatMs * 3 };
