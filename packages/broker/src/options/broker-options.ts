import {
  BOUNDS,
  DEFAULT_FRONTEND,
  DEFAULT_PORTS,
  formatEndpoint,
  MusterError,
  parseEndpoint,
  requireLoopback,
  TIMES,
} from '@muster/protocol';
import type { ObserverSettings } from '../observers/observer-book.js';
import type { TellTimes } from '../observers/tell-observer.js';
import { observerFaults } from './observer-settings.js';
import {
  type LogLevel,
  readSetting,
  SETTING_NAMES,
  type SettingFault,
  type SettingName,
  type SettingValue,
} from './settings.js';
import { chooseStore, type StoreChoice } from './store-choice.js';

/** What a broker can be told. Everything has a default. */
export interface BrokerOptions {
  /** @default tcp://127.0.0.1:7780; a port of `*` takes a free one */
  readonly frontend?: string;
  /** The others. @default the ports beside 7780, or free ones on the frontend's host when that is another */
  readonly backend?: string;
  readonly register?: string;
  readonly receiver?: string;
  readonly publisher?: string;
  readonly events?: string;
  /** Tells agents of the original that the broker lives. @default none */
  readonly heartbeat?: string;
  /** Bind the `ipc` addresses that programs of the original ask by default. @default false */
  readonly loadsDefaults?: boolean;
  /** Host that peers are told in place of the bound one (behind NAT, or bound to all addresses). */
  readonly advertise?: string;
  /** Folder of journal, bundles and results; one broker each. @default ./.muster */
  readonly data?: string;
  /** Allows addresses other than loopback. @default false */
  readonly insecure?: boolean;
  /** Use the ports of the last start in this folder again, and refuse to start when they are taken. @default true */
  readonly keepPorts?: boolean;
  /** A file for the log, or `stdout` or `stderr`. @default 'stderr' */
  readonly logfile?: string;
  /** @default 'info' */
  readonly logLevel?: string;
  readonly beatMs?: number;
  readonly leaseMs?: number;
  readonly lostMs?: number;
  readonly prepareMs?: number;
  readonly readyMs?: number;
  /** Agents of runs of the original are asked so often what they do. @default 2_500 */
  readonly pollMs?: number;
  /** One that does not answer for so long loses its run. @default 60_000 */
  readonly agentTimeoutMs?: number;
  /** Between two beats of `heartbeat`. @default 10_000 */
  readonly heartbeatMs?: number;
  readonly maxRuns?: number;
  readonly maxAgents?: number;
  readonly maxClients?: number;
  readonly maxSeries?: number;
  readonly maxQueryRows?: number;
  readonly queryMs?: number;
  readonly maxBundleMiB?: number;
  /** Messages of the publisher that wait for one slow watcher; it misses what is over. @default 10_000; the original: 1_000 */
  readonly publisherQueue?: number;
  readonly storeQueueMiB?: number;
  /** Where results are kept: `duckdb`, `memory`, or the path of a module. @default 'duckdb' */
  readonly db?: string;
  /** Options of stores, by `NAME-OPTION`: `{ 'duckdb-max-size': '10GB' }`. */
  readonly dbOptions?: Readonly<Record<string, unknown>>;
  /** Keep the rows of runs of the original when they are over, unless a run says otherwise. @default true */
  readonly keepRows?: boolean;
  /** Observers are told `<webRoot>/run/<id>`. @default none */
  readonly webRoot?: string;
  /** One try to tell an observer may take so long. @default 10_000 */
  readonly tellMs?: number;
  /** @default 5 */
  readonly tellTries?: number;
  /** Before the second try; twice as long before each further one. @default 1_000 */
  readonly tellBackoffMs?: number;
  /** What observers need, by observer and option: runs need not say it, and secrets stay here. */
  readonly observers?: ObserverSettings;
  /** Further observers by the name that runs use: files or npm packages, loaded at the start. */
  readonly observerModules?: Readonly<Record<string, string>>;
}

/** Options that are no settings of the table: each holds more of its own. */
const NESTED: ReadonlySet<string> = new Set(['dbOptions', 'observers', 'observerModules']);

/** The sockets that a broker binds. */
export const SOCKETS = ['frontend', 'backend', 'register', 'receiver', 'publisher', 'events'] as const;
export type SocketName = (typeof SOCKETS)[number];

/** Where programs of the original look for a broker; the last is ours alone. */
const LOADS_ENDPOINTS: Readonly<Record<SocketName, string>> = {
  frontend: 'ipc:///tmp/loads-front.ipc',
  backend: 'ipc:///tmp/loads-back.ipc',
  register: 'ipc:///tmp/loads-reg.ipc',
  receiver: 'ipc:///tmp/loads-broker-receiver.ipc',
  publisher: 'ipc:///tmp/loads-publisher.ipc',
  events: 'ipc:///tmp/loads-events.ipc',
};

/** The same with every default filled in. */
export interface ResolvedBrokerOptions {
  /** What to bind; a port of `*` is still open. */
  readonly bind: Readonly<Record<SocketName, string>>;
  readonly heartbeat: string | null;
  readonly advertise: string | null;
  readonly data: string;
  readonly insecure: boolean;
  readonly keepPorts: boolean;
  readonly logfile: string;
  readonly logLevel: LogLevel;
  readonly store: StoreChoice;
  readonly keepRows: boolean;
  readonly times: {
    readonly beatMs: number;
    readonly leaseMs: number;
    readonly lostMs: number;
    readonly prepareMs: number;
    readonly readyMs: number;
  };
  /** Of the original's runs. */
  readonly original: { readonly pollMs: number; readonly agentTimeoutMs: number; readonly beatMs: number };
  readonly observers: {
    readonly settings: ObserverSettings;
    readonly modules: Readonly<Record<string, string>>;
    readonly webRoot: string | null;
    readonly times: TellTimes;
  };
  readonly limits: {
    readonly runs: number;
    readonly agents: number;
    readonly clients: number;
    readonly series: number;
    readonly queryRows: number;
    readonly queryMs: number;
    readonly bundleBytes: number;
    readonly publisherQueue: number;
    readonly storeQueueBytes: number;
  };
}

/** All faults of a configuration as one error. */
export const configError = (faults: readonly SettingFault[]): MusterError =>
  new MusterError('BAD_CONFIG', faults.map((fault) => `${fault.where}: ${fault.message}`).join('; '), {
    details: faults,
  });

const onHostOf = (frontend: string, port: number | '*'): string => {
  const endpoint = parseEndpoint(frontend);
  return endpoint.transport === 'ipc' ? `tcp://127.0.0.1:${port}` : formatEndpoint({ ...endpoint, port });
};

/**
 * Fills in defaults and checks.
 *
 * @throws MusterError `BAD_CONFIG` naming every fault, or `NOT_LOOPBACK`.
 */
export const resolveBrokerOptions = (
  options: BrokerOptions,
  whereOf: (name: string) => string = (name) => name,
): ResolvedBrokerOptions => {
  const faults: SettingFault[] = [];
  const read = new Map<SettingName, SettingValue>();
  for (const name of SETTING_NAMES) {
    const given = options[name];
    if (given === undefined) continue;
    const result = readSetting(name, given);
    if ('fault' in result) faults.push({ where: whereOf(name), message: result.fault });
    else read.set(name, result.value);
  }
  for (const name of Object.keys(options))
    if (!NESTED.has(name) && !SETTING_NAMES.some((known) => known === name))
      faults.push({ where: name, message: 'is no setting of a broker' });
  const text = (name: SettingName, otherwise: string) => String(read.get(name) ?? otherwise);
  const whole = (name: SettingName, otherwise: number) => Number(read.get(name) ?? otherwise);
  const flag = (name: SettingName, otherwise: boolean) => (read.get(name) ?? otherwise) === true;
  const leaseMs = whole('leaseMs', TIMES.leaseMs);
  const lostMs = whole('lostMs', TIMES.lostMs);
  const beatMs = whole('beatMs', TIMES.beatMs);
  if (beatMs >= leaseMs)
    faults.push({ where: whereOf('leaseMs'), message: `must be longer than a beat (${beatMs} ms)` });
  if (lostMs < leaseMs)
    faults.push({ where: whereOf('lostMs'), message: `must be at least the lease (${leaseMs} ms)` });
  const store = chooseStore(text('db', 'duckdb'), options.dbOptions ?? {}, faults);
  const { observers: settings = {}, observerModules: modules = {} } = options;
  faults.push(...observerFaults(settings, modules, whereOf));
  if (faults.length > 0) throw configError(faults);

  const loads = flag('loadsDefaults', false) ? LOADS_ENDPOINTS : null;
  const frontend = text('frontend', loads?.frontend ?? DEFAULT_FRONTEND);
  const standard = frontend === DEFAULT_FRONTEND;
  const insecure = flag('insecure', false);
  const bind = Object.fromEntries(
    SOCKETS.map((name) => {
      const beside = standard ? DEFAULT_PORTS[name] : '*';
      const endpoint = name === 'frontend' ? frontend : text(name, loads?.[name] ?? onHostOf(frontend, beside));
      return [name, formatEndpoint(requireLoopback(endpoint, insecure))];
    }),
  ) as Record<SocketName, string>;
  return {
    bind,
    heartbeat: read.has('heartbeat') ? formatEndpoint(requireLoopback(text('heartbeat', ''), insecure)) : null,
    advertise: read.has('advertise') ? text('advertise', '') : null,
    data: text('data', '.muster'),
    insecure,
    keepPorts: flag('keepPorts', true),
    logfile: text('logfile', 'stderr'),
    logLevel: text('logLevel', 'info') as LogLevel,
    store,
    keepRows: flag('keepRows', true),
    times: {
      beatMs,
      leaseMs,
      lostMs,
      prepareMs: whole('prepareMs', TIMES.prepareMs),
      readyMs: whole('readyMs', TIMES.readyMs),
    },
    original: {
      pollMs: whole('pollMs', 2_500),
      agentTimeoutMs: whole('agentTimeoutMs', 60_000),
      beatMs: whole('heartbeatMs', 10_000),
    },
    observers: {
      settings,
      modules,
      webRoot: read.has('webRoot') ? text('webRoot', '') : null,
      times: { tryMs: whole('tellMs', 10_000), tries: whole('tellTries', 5), backoffMs: whole('tellBackoffMs', 1_000) },
    },
    limits: {
      runs: whole('maxRuns', BOUNDS.runs),
      agents: whole('maxAgents', BOUNDS.agents),
      clients: whole('maxClients', BOUNDS.clients),
      series: whole('maxSeries', BOUNDS.series),
      queryRows: whole('maxQueryRows', BOUNDS.queryRows),
      queryMs: whole('queryMs', TIMES.queryMs),
      bundleBytes: whole('maxBundleMiB', BOUNDS.bundleBytes / 1_048_576) * 1_048_576,
      publisherQueue: whole('publisherQueue', 10_000),
      storeQueueBytes: whole('storeQueueMiB', 64) * 1_048_576,
    },
  };
};
