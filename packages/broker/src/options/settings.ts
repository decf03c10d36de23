import { type Alias, LOG_LEVELS, type Setting, SettingTable } from '@muster/daemon';
import { BOUNDS, DEFAULT_FRONTEND, TIMES } from '@muster/protocol';

const SETTINGS = {
  frontend: { kind: 'endpoint', help: `where clients and agents ask (${DEFAULT_FRONTEND})` },
  backend: { kind: 'endpoint', help: 'where agents sign on' },
  register: { kind: 'endpoint', help: 'where agents of the original register' },
  receiver: { kind: 'endpoint', help: 'where results come in' },
  publisher: { kind: 'endpoint', help: 'where rows go out in the dialect of the original' },
  events: { kind: 'endpoint', help: 'where events of runs go out' },
  heartbeat: { kind: 'endpoint', help: 'where agents of the original hear that the broker lives (off)' },
  loadsDefaults: { kind: 'flag', help: 'bind the addresses of the original, ipc:///tmp/loads-front.ipc and so on' },
  advertise: { kind: 'text', help: 'host name or address that peers are told instead of the bound one' },
  data: { kind: 'folder', help: 'folder of journal, bundles and results (./.muster)' },
  insecure: {
    kind: 'flag',
    help: 'allow addresses other than loopback: whoever reaches them can run code on all agents',
  },
  keepPorts: {
    kind: 'flag',
    negatable: true,
    help: 'use the same ports again after a restart (default; --no-keep-ports: free ones)',
  },
  logfile: { kind: 'text', help: 'a file for the log, or stdout, stderr, or plain: lines for people (stderr)' },
  logLevel: { kind: 'level', help: `one of ${LOG_LEVELS.join(', ')} (info)` },
  beatMs: { kind: 'whole', help: `agents beat so often (${TIMES.beatMs})` },
  leaseMs: { kind: 'whole', help: `a grant of the right to load holds so long (${TIMES.leaseMs})` },
  lostMs: { kind: 'whole', help: `an agent silent for so long is lost (${TIMES.lostMs})` },
  prepareMs: { kind: 'whole', help: `agents may take so long to load a test (${TIMES.prepareMs})` },
  readyMs: { kind: 'whole', help: `agents may take so long to make their users (${TIMES.readyMs})` },
  pollMs: { kind: 'whole', help: 'agents of runs of the original are asked so often what they do (2500)' },
  agentTimeoutMs: { kind: 'whole', help: 'one that does not answer for so long loses its run (60000)' },
  heartbeatMs: { kind: 'whole', help: 'between two beats of --heartbeat (10000)' },
  maxRuns: { kind: 'whole', help: `runs at one time; more are refused (${BOUNDS.runs})` },
  maxAgents: { kind: 'whole', help: `agents signed on; more are refused (${BOUNDS.agents})` },
  maxClients: { kind: 'whole', help: `clients at one time; more are refused (${BOUNDS.clients})` },
  maxSeries: { kind: 'whole', help: `series of one run; what is over is counted in one (${BOUNDS.series})` },
  maxQueryRows: { kind: 'whole', help: `rows of one page of a query; larger pages are cut (${BOUNDS.queryRows})` },
  queryMs: { kind: 'whole', help: `a question about what is stored may take so long (${TIMES.queryMs})` },
  maxBundleMiB: { kind: 'whole', help: `a larger bundle is refused (${BOUNDS.bundleBytes / 1_048_576})` },
  db: { kind: 'text', help: 'where results are kept: duckdb, memory, or the path of a module (duckdb)' },
  keepRows: {
    kind: 'flag',
    negatable: true,
    help: 'keep rows of runs of the original when they are over (default; --no-keep-rows: only counts and errors)',
  },
  publisherQueue: {
    kind: 'whole',
    help: 'messages that wait for a slow watcher of rows; it misses what is over (10000)',
  },
  webRoot: { kind: 'url', help: 'observers are told <url>/run/<id>, where a run is seen' },
  tellMs: { kind: 'whole', help: 'one try to tell an observer may take so long (10000)' },
  tellTries: { kind: 'whole', help: 'an observer that can not be told is tried so often (5)' },
  tellBackoffMs: { kind: 'whole', help: 'before the second try; each further wait is twice as long (1000)' },
  storeQueueMiB: { kind: 'whole', help: 'results that wait to be written; beyond it the receiver waits (64)' },
} as const satisfies Readonly<Record<string, Setting>>;
export type SettingName = keyof typeof SETTINGS;

/** Every setting of a broker. */
export const BROKER_SETTINGS = new SettingTable<SettingName>('a broker', SETTINGS);

export const ALIASES: readonly Alias<SettingName>[] = [
  { flag: 'debug', value: null, help: '--log-level debug', hidden: true, sets: 'logLevel', read: () => 'debug' },
];
