import { MusterError } from './errors.js';

/** An address that a socket binds or connects to. */
export type Endpoint =
  | { readonly transport: 'tcp'; readonly host: string; readonly port: number | '*' }
  | { readonly transport: 'ipc'; readonly path: string };

/** The broker's ports unless it is told others. */
export const DEFAULT_PORTS = {
  frontend: 7780,
  backend: 7781,
  register: 7782,
  receiver: 7783,
  publisher: 7776,
  heartbeat: 7785,
  events: 7786,
} as const;
export const DEFAULT_FRONTEND = `tcp://127.0.0.1:${DEFAULT_PORTS.frontend}`;

/** Reads `tcp://host:port` (port `*`: any free one) or `ipc://path`. @throws MusterError `BAD_ENDPOINT`. */
export const parseEndpoint = (text: string): Endpoint => {
  const tcp = /^tcp:\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+|\*):(\d{1,5}|\*)$/.exec(text);
  if (tcp?.[1] !== undefined && tcp[2] !== undefined) {
    const port = tcp[2] === '*' ? '*' : Number(tcp[2]);
    if (port === '*' || port <= 65_535)
      return { transport: 'tcp', host: tcp[1].replace(/^\[|\]$/g, ''), port: port === 0 ? '*' : port };
  }
  const ipc = /^ipc:\/\/(\/.+)$/.exec(text);
  if (ipc?.[1] !== undefined) return { transport: 'ipc', path: ipc[1] };
  throw new MusterError('BAD_ENDPOINT', `"${text.slice(0, 200)}" is no endpoint`, {
    hint: 'write tcp://HOST:PORT or ipc:///PATH',
  });
};

/** An endpoint as text. */
export const formatEndpoint = (endpoint: Endpoint): string =>
  endpoint.transport === 'ipc'
    ? `ipc://${endpoint.path}`
    : `tcp://${endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`;

/** True when only this machine can reach the endpoint: 127.0.0.0/8, ::1, localhost, or a socket file. */
export const isLoopback = (endpoint: Endpoint): boolean =>
  endpoint.transport === 'ipc' || /^(127(\.\d{1,3}){3}|::1|localhost)$/i.test(endpoint.host);

/**
 * Refuses an address that others can reach: without keys, whoever reaches it can run code on every agent.
 * @throws MusterError `NOT_LOOPBACK` unless `insecure`.
 */
export const requireLoopback = (text: string, insecure: boolean): Endpoint => {
  const endpoint = parseEndpoint(text);
  if (!insecure && !isLoopback(endpoint)) {
    throw new MusterError(
      'NOT_LOOPBACK',
      `${text} is not a loopback address, and nothing on it is encrypted or authenticated`,
      {
        hint: 'give --insecure if you trust everybody who can reach it',
      },
    );
  }
  return endpoint;
};
