import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import {
  type ClientMessage,
  type Endpoints,
  MusterError,
  machineMs,
  NATIVE_VERSIONS,
  type PingResult,
} from '@muster/protocol';
import { readKept, withKept, writeKept } from './data-folder/kept-endpoints.js';
import { lockFolder } from './data-folder/lock.js';
import { type Logger, makeLogger } from './log.js';
import { type BrokerOptions, type ResolvedBrokerOptions, resolveBrokerOptions } from './options/broker-options.js';
import { Frontend } from './shell/frontend.js';
import { refuseSecond } from './shell/probe.js';
import { advertised, bindSockets, closeSockets, openSockets } from './shell/sockets.js';
import { BROKER_VERSION } from './version.js';

/** A running broker. Disposing of it closes it. */
export interface Broker extends AsyncDisposable {
  /** What peers are told. */
  readonly endpoints: Endpoints;
  readonly boot: string;
  close(): Promise<void>;
}

/**
 * Starts a broker in this process.
 *
 * @throws MusterError `BAD_CONFIG`, `NOT_LOOPBACK`, `BROKER_RUNNING`, `DATA_FOLDER_LOCKED`, `ADDRESS_IN_USE`.
 */
export const startBroker = (options: BrokerOptions = {}): Promise<Broker> => serveBroker(resolveBrokerOptions(options));

/** The same with options that are resolved already. */
export const serveBroker = async (options: ResolvedBrokerOptions): Promise<Broker> => {
  const log = makeLogger(options.logLevel);
  const folder = resolve(options.data);
  await refuseSecond(options.bind.frontend);
  const lock = await lockFolder(folder);
  try {
    return await serve(options, folder, log, lock.release);
  } catch (thrown) {
    await lock.release();
    throw thrown;
  }
};

const serve = async (
  options: ResolvedBrokerOptions,
  folder: string,
  log: Logger,
  release: () => Promise<void>,
): Promise<Broker> => {
  const boot = randomBytes(16).toString('hex');
  const wanted = options.keepPorts ? withKept(options.bind, await readKept(folder)) : options.bind;
  let endpoints: Endpoints = wanted;
  const ping = (): PingResult => ({
    pid: process.pid,
    boot,
    version: BROKER_VERSION,
    native: NATIVE_VERSIONS,
    endpoints,
    agents: 0,
    clockMs: machineMs(),
    limits: options.limits,
    security: { keys: false, loopbackOnly: !options.insecure },
  });
  const ask = (route: string, message: ClientMessage) => {
    if (message.type !== 'ping') throw new MusterError('NOT_SUPPORTED', `"${message.type}" is not there yet`);
    frontend.reply(route, message.id, ping());
  };
  const frontend = new Frontend(
    { send: (frames) => sockets.frontend.send(frames), ask, dropped: (why) => log.warn({ why }, 'dropped') },
    { endpoints: () => endpoints, version: () => BROKER_VERSION, agents: () => [] },
  );
  const nothing = () => undefined;
  const sockets = openSockets({
    frontend: (frames) => frontend.receive(frames),
    backend: nothing,
    register: nothing,
    receiver: nothing,
    publisher: nothing,
    events: nothing,
    unsent: nothing,
  });
  try {
    const bound = await bindSockets(sockets, wanted);
    endpoints = advertised(bound, options.advertise);
    if (options.keepPorts) await writeKept(folder, bound);
  } catch (thrown) {
    await closeSockets(sockets);
    throw thrown;
  }
  log.info({ frontend: endpoints.frontend, data: folder, version: BROKER_VERSION }, 'ready');
  const close = async () => {
    await closeSockets(sockets);
    await release();
  };
  return { endpoints, boot, close, [Symbol.asyncDispose]: close };
};
