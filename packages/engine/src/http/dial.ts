import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type SecureContext } from 'node:tls';
import type { Origin } from './origin.js';

/** How TLS is spoken by all connections of a worker. */
export interface TlsSettings {
  /** One for all: making one takes milliseconds and memory. */
  readonly context: SecureContext;
  readonly verify: boolean;
}

/** Opens a connection to one address; it reads into the buffer of `onread`, where there is one. */
export const dial = (origin: Origin, address: string, onread: OnReadOpts | null, tls: () => TlsSettings): Socket => {
  const tcp = { host: address, port: origin.dialPort, ...(onread === null ? {} : { onread }) };
  return origin.tls ? dialTls(origin, tcp, tls()) : connectTcp(tcp);
};

const dialTls = (
  origin: Origin,
  tcp: { readonly host: string; readonly port: number; readonly onread?: OnReadOpts },
  settings: TlsSettings,
): Socket => {
  const socket = connectTls({
    ...tcp,
    // RFC 6066, section 3: an address is no server name.
    ...(isIP(origin.host) === 0 ? { servername: origin.host } : {}),
    secureContext: settings.context,
    rejectUnauthorized: settings.verify,
    checkServerIdentity: (_, certificate) => checkServerIdentity(origin.host, certificate),
    ALPNProtocols: ['http/1.1'],
    ...(origin.session === undefined ? {} : { session: origin.session }),
  });
  socket.on('session', (session: Buffer) => {
    origin.session = session;
  });
  return socket;
};
