import { join } from 'node:path';
import { readObject, writeWhole } from '@muster/daemon';
import { parseEndpoint } from '@muster/protocol';
import { SOCKETS, type SocketName } from '../options/broker-options.js';

const FILE = 'endpoints.json';

export type BoundEndpoints = Readonly<Record<SocketName, string>>;

/** The endpoints that the last broker in this folder bound; null when there was none. */
export const readKept = async (folder: string): Promise<Partial<BoundEndpoints> | null> => {
  const found = await readObject(join(folder, FILE));
  if (found === null) return null;
  const kept: Partial<Record<SocketName, string>> = {};
  for (const name of SOCKETS) {
    const endpoint = found[name];
    if (typeof endpoint === 'string') kept[name] = endpoint;
  }
  return kept;
};

export const writeKept = (folder: string, endpoints: BoundEndpoints): Promise<void> =>
  writeWhole(join(folder, FILE), `${JSON.stringify(endpoints, null, 2)}\n`);

/** What to bind: where a port is still open, the one of last time on the same host, so that agents find the broker again. */
export const withKept = (wanted: BoundEndpoints, kept: Partial<BoundEndpoints> | null): BoundEndpoints =>
  Object.fromEntries(
    SOCKETS.map((name) => {
      const open = parseEndpoint(wanted[name]);
      const before = kept?.[name];
      if (open.transport !== 'tcp' || open.port !== '*' || before === undefined) return [name, wanted[name]];
      const last = parseEndpoint(before);
      return [name, last.transport === 'tcp' && last.host === open.host ? before : wanted[name]];
    }),
  ) as Record<SocketName, string>;
