import { isIP } from 'node:net';

/** Where connections go: a scheme, a host and a port. One object for each, so that origins are compared by identity. */
export interface Origin {
  /** `http://host:port`, as in the URL. */
  readonly key: string;
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** The name or address to dial in the host's place, and its port (`options.hosts`). */
  readonly dialHost: string;
  readonly dialPort: number;
  /** `dialHost` is an address: nothing is looked up. */
  readonly literal: boolean;
  /** The latest TLS session, so that later handshakes are short. */
  session: Buffer | undefined;
}

/** `options.hosts` of k6: names, names with a port, or `*.below`, to an address with or without a port. */
export type HostsMap = Readonly<Record<string, string>>;

const mapped = (hosts: HostsMap, host: string, port: number): string | undefined => {
  const exact = hosts[`${host}:${port}`] ?? hosts[host];
  if (exact !== undefined) return exact;
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
    const below = `*${host.slice(dot)}`;
    const found = hosts[`${below}:${port}`] ?? hosts[below];
    if (found !== undefined) return found;
  }
  return undefined;
};

/** `1.2.3.4`, `1.2.3.4:80`, `::1` or `[::1]:80`. */
const splitAddress = (address: string, port: number): { readonly host: string; readonly port: number } => {
  const [, bracketed, plain, given] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  return host === undefined ? { host: address, port } : { host, port: given === undefined ? port : Number(given) };
};

/** Makes an origin from the parts of a URL. */
export const makeOrigin = (key: string, host: string, port: number, tls: boolean, hosts: HostsMap): Origin => {
  const address = mapped(hosts, host, port);
  const dial = address === undefined ? { host, port } : splitAddress(address, port);
  return {
    key,
    host,
    port,
    tls,
    dialHost: dial.host,
    dialPort: dial.port,
    literal: isIP(dial.host) !== 0,
    session: undefined,
  };
};
