import { type ConnectOptions, connect, connectOriginal, type Muster, type OriginalClient } from '@muster/client';
import { DEFAULT_BROKER, namedBroker } from './flags.js';
import type { Io } from './io.js';
import { openTunnel } from './tunnel.js';

const CONNECT_MS = 5_000;

/** The broker that a command works with, and the way there. */
export interface Place {
  /** Null: none was named. */
  readonly broker: string | null;
  /** Where an endpoint is reached from here. */
  readonly reach: (endpoint: string) => Promise<string>;
}

/** Flags that say where the broker is. */
export interface PlaceFlags {
  readonly broker?: string;
  readonly ssh?: string;
}

/** Opens a tunnel if one is asked for, and closes it. */
export const withPlace = async <T>(flags: PlaceFlags, io: Io, use: (place: Place) => Promise<T>): Promise<T> => {
  const named = namedBroker(flags.broker, io.env);
  if (flags.ssh === undefined) return await use({ broker: named, reach: async (endpoint) => endpoint });
  await using tunnel = openTunnel({ host: flags.ssh });
  return await use({ broker: named ?? DEFAULT_BROKER, reach: tunnel.reach });
};

/** Connects to the place's broker, or to the default one. */
export const connectAt = async ({ broker, reach }: Place, options: ConnectOptions = {}): Promise<Muster> =>
  await connect(await reach(broker ?? DEFAULT_BROKER), { timeoutMs: CONNECT_MS, reach, ...options });

/** The same for the commands of the original, which any broker takes. */
export const connectOriginalAt = async ({ broker, reach }: Place): Promise<OriginalClient> =>
  await connectOriginal(await reach(broker ?? DEFAULT_BROKER), { timeoutMs: CONNECT_MS, reach });
