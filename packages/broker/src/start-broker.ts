import { resolve } from 'node:path';
import { lockFolder } from '@muster/daemon';
import { type Endpoints, isLoopback, parseEndpoint } from '@muster/protocol';
import { readKept, withKept, writeKept } from './data-folder/kept-endpoints.js';
import { type Logger, makeBrokerLogger } from './log.js';
import { openObservers } from './observers/open-observers.js';
import {
  type BrokerOptions,
  type ResolvedBrokerOptions,
  resolveBrokerOptions,
  SOCKETS,
} from './options/broker-options.js';
import { BrokerShell } from './shell/broker-shell.js';
import { refuseSecond } from './shell/probe.js';
import { BROKER_VERSION } from './version.js';

const LOCK = { file: 'broker.lock', hint: 'stop that broker, or give this one another folder with --data' };

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
  const log = makeBrokerLogger(options.logLevel, options.logfile);
  const folder = resolve(options.data);
  await refuseSecond(options.bind.frontend);
  const lock = await lockFolder(folder, LOCK);
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
  const wanted = options.keepPorts ? withKept(options.bind, await readKept(folder)) : options.bind;
  const { settings, modules } = options.observers;
  const observers = await openObservers(settings, modules, process.cwd());
  const { shell, bound } = await BrokerShell.start(options, observers, folder, wanted, log);
  const close = async () => {
    await shell.close();
    await release();
  };
  try {
    if (options.keepPorts) await writeKept(folder, bound);
  } catch (thrown) {
    await shell.close();
    throw thrown;
  }
  const { endpoints, boot } = shell;
  log.info({ frontend: endpoints.frontend, endpoints, data: folder, version: BROKER_VERSION, boot }, 'ready');
  if (SOCKETS.some((name) => !isLoopback(parseEndpoint(bound[name]))))
    log.warn('insecure: whoever reaches these addresses can run code on every agent');
  return { endpoints, boot, close, [Symbol.asyncDispose]: close };
};
