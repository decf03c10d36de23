import { connect as dial } from 'node:net';
import {
  MusterError,
  NATIVE_VERSIONS,
  nativePing,
  negotiate,
  type OriginalAnswer,
  parseEndpoint,
  VersionRange,
} from '@muster/protocol';
import type { Asker } from './asker.js';
import type { CallOptions } from './give-up.js';

const REPEAT_MS = 500;
const DIAL_MS = 1_000;

/**
 * Finds out what the broker speaks: the first question is text, which a broker of the original answers too, without
 * `native` in it.
 *
 * @returns the native version that both will speak
 * @throws MusterError `BROKER_UNREACHABLE`, `NOT_SUPPORTED` for a broker of the original, `VERSION_MISMATCH`, `ABORTED`
 */
export const greet = async (asker: Asker, options: CallOptions): Promise<number> => {
  const answer = await asker
    .greet(nativePing(NATIVE_VERSIONS), (result) => result as OriginalAnswer, { ...options, repeatMs: REPEAT_MS })
    .catch(async (thrown: unknown) => {
      const error = MusterError.from(thrown);
      throw error.code === 'TIMEOUT' ? await unreachable(asker.endpoint, error) : error;
    });
  const { result } = answer as { readonly result?: { readonly native?: unknown } | null };
  const native = VersionRange.safeParse(result?.native);
  if (native.success) return negotiate(native.data, `the broker at ${asker.endpoint}`);
  throw new MusterError('NOT_SUPPORTED', `the broker at ${asker.endpoint} speaks only the protocol of Mozilla Loads`, {
    hint: '`connectOriginal` speaks it',
  });
};

/** Why nobody answered: nothing listens there, or something else does. */
export const unreachable = async (endpoint: string, cause: MusterError): Promise<MusterError> => {
  const listening = await accepts(endpoint);
  return new MusterError(
    'BROKER_UNREACHABLE',
    listening
      ? `something listens on ${endpoint} but does not answer as a broker`
      : `no broker answers on ${endpoint}: nothing listens there`,
    { cause, hint: listening ? 'is it the frontend of a broker?' : 'start one with `muster broker` or `muster up`' },
  );
};

/** zeromq says nothing of a refused connection; a plain one does. */
const accepts = (endpoint: string): Promise<boolean> => {
  const where = parseEndpoint(endpoint);
  return new Promise((resolve) => {
    const socket =
      where.transport === 'ipc' ? dial({ path: where.path }) : dial({ host: where.host, port: Number(where.port) });
    const done = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.setTimeout(DIAL_MS, () => done(false));
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
};
