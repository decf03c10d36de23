import { configError, type LogLevel, type SettingFault } from '@muster/daemon';
import {
  BOUNDS,
  DEFAULT_FRONTEND,
  DEFAULT_PORTS,
  formatEndpoint,
  parseEndpoint,
  requireLoopback,
  TIMES,
} from '@muster/protocol';
import type { ObserverSettings } from '../observers/observer-book.js';
import type { TellTimes } from '../observers/tell-observer.js';
import { observerFaults } from './observer-settings.js';
import { BROKER_SETTINGS } from './settings.js';
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
  /** A file for the log, or `stdout`, `stderr`, or `plain`: lines for people on standard error. @default 'stderr' */
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
  const given = BROKER_SETTINGS.check(options, whereOf, faults, NESTED);
  const leaseMs = given.whole('leaseMs', TIMES.leaseMs);
  const lostMs = given.whole('lostMs', TIMES.lostMs);
  const beatMs = given.whole('beatMs', TIMES.beatMs);
  if (beatMs >= leaseMs)
    faults.push({ where: whereOf('leaseMs'), message: `must be longer than a beat (${beatMs} ms)` });
  if (lostMs < leaseMs)
    faults.push({ where: whereOf('lostMs'), message: `must be at least the lease (${leaseMs} ms)` });
  const store = chooseStore(given.text('db', 'duckdb'), options.dbOptions ?? {}, faults);
  const { observers: settings = {}, observerModules: modules = {} } = options;
  faults.push(...observerFaults(settings, modules, whereOf));
  if (faults.length > 0) throw configError(faults);

  const loads = given.flag('loadsDefaults', false) ? LOADS_ENDPOINTS : null;
  const frontend = given.text('frontend', loads?.frontend ?? DEFAULT_FRONTEND);
  const standard = frontend === DEFAULT_FRONTEND;
  const insecure = given.flag('insecure', false);
  const heartbeat = given.text('heartbeat', null);
  const bind = Object.fromEntries(
    SOCKETS.map((name) => {
      const beside = standard ? DEFAULT_PORTS[name] : '*';
      const endpoint = name === 'frontend' ? frontend : given.text(name, loads?.[name] ?? onHostOf(frontend, beside));
      return [name, formatEndpoint(requireLoopback(endpoint, insecure))];
    }),
  ) as Record<SocketName, string>;
  return {
    bind,
    heartbeat: heartbeat === null ? null : formatEndpoint(requireLoopback(heartbeat, insecure)),
    advertise: given.text('advertise', null),
    data: given.text('data', '.muster'),
    insecure,
    keepPorts: given.flag('keepPorts', true),
    logfile: given.text('logfile', 'stderr'),
    logLevel: given.level('logLevel', 'info'),
    store,
    keepRows: given.flag('keepRows', true),
    times: {
      beatMs,
      leaseMs,
      lostMs,
      prepareMs: given.whole('prepareMs', TIMES.prepareMs),
      readyMs: given.whole('readyMs', TIMES.readyMs),
    },
    original: {
      pollMs: given.whole('pollMs', 2_500),
      agentTimeoutMs: given.whole('agentTimeoutMs', 60_000),
      beatMs: given.whole('heartbeatMs', 10_000),
    },
    observers: {
      settings,
      modules,
      webRoot: given.text('webRoot', null),
      times: {
        tryMs: given.whole('tellMs', 10_000),
        tries: given.whole('tellTries', 5),
        backoffMs: given.whole('tellBackoffMs', 1_000),
      },
    },
    limits: {
      runs: given.whole('maxRuns', BOUNDS.runs),
      agents: given.whole('maxAgents', BOUNDS.agents),
      clients: given.whole('maxClients', BOUNDS.clients),
      series: given.whole('maxSeries', BOUNDS.series),
      queryRows: given.whole('maxQueryRows', BOUNDS.queryRows),
      queryMs: given.whole('queryMs', TIMES.queryMs),
      bundleBytes: given.whole('maxBundleMiB', BOUNDS.bundleBytes / 1_048_576) * 1_048_576,
      publisherQueue: given.whole('publisherQueue', 10_000),
      storeQueueBytes: given.whole('storeQueueMiB', 64) * 1_048_576,
    },
  };
};
