import { type Alias, LOG_LEVELS, type Setting, SettingTable } from '@muster/daemon';
import { BOUNDS, DEFAULT_FRONTEND, TIMES } from '@muster/protocol';

const MIB = 1_048_576;

const SETTINGS = {
  broker: { kind: 'endpoint', help: `the broker's frontend (${DEFAULT_FRONTEND})` },
  data: { kind: 'folder', help: 'folder of name, outbox and bundles (a private one that goes away)' },
  node: { kind: 'text', help: "the node's name (the one kept in the data folder, else the host's)" },
  workers: { kind: 'whole', help: 'worker processes for a run (one per core)', most: 256 },
  labels: {
    kind: 'labels',
    flag: 'label',
    variable: 'MUSTER_LABELS',
    help: 'a label of this node, as often as needed',
  },
  token: { kind: 'text', help: 'shown to the broker when signing on' },
  insecure: { kind: 'flag', help: 'allow addresses other than loopback: nothing is encrypted or authenticated' },
  logLevel: { kind: 'level', help: `one of ${LOG_LEVELS.join(', ')} (info)` },
  maxMemoryMiB: {
    kind: 'whole',
    flag: 'max-memory',
    help: 'heap of each worker in MiB; one that takes twice as much in all is ended (2048)',
    least: 64,
  },
  hangMs: {
    kind: 'whole',
    help: `a worker whose loop is blocked for so long is ended (${TIMES.hangMs})`,
    least: 200,
  },
  rowsPerSecond: { kind: 'whole', help: 'raw rows kept per second when a run thins them (5000)', least: 0 },
  outboxMemoryMiB: {
    kind: 'whole',
    help: `results kept in memory; more are read back (${BOUNDS.outboxMemoryBytes / MIB})`,
  },
  outboxDiskMiB: {
    kind: 'whole',
    help: `results kept on disk; near it raw rows are thinned, never windows (${BOUNDS.outboxDiskBytes / MIB})`,
  },
  unackedMiB: { kind: 'whole', help: `results on their way to the broker; more wait (${BOUNDS.unackedBytes / MIB})` },
  flushMs: { kind: 'whole', help: 'an agent that ends waits so long for its results to be taken (10000)', least: 0 },
  maxAgeSeconds: {
    kind: 'whole',
    flag: 'max-age',
    help: 'leave when so many seconds old and without work; -1: never (-1)',
    least: -1,
  },
  maxAgeDeltaSeconds: {
    kind: 'whole',
    flag: 'max-age-delta',
    help: 'seconds by which --max-age is longer, drawn from 0 to this (0)',
    least: 0,
  },
  quitWhenOrphaned: { kind: 'flag', help: 'leave when the broker is lost and there is no work, in place of waiting' },
  brokerLostMs: { kind: 'whole', help: 'a broker that is silent for so long is lost (30000)', least: 100 },
  logFile: {
    kind: 'text',
    flag: 'logfile',
    help: 'a file for the log, or stdout, stderr, or plain: lines for people (stderr)',
  },
} as const satisfies Readonly<Record<string, Setting>>;
export type SettingName = keyof typeof SETTINGS;

/** Every setting of an agent. */
export const AGENT_SETTINGS = new SettingTable<SettingName>('an agent', SETTINGS);

/** `--broker`, `--max-age` and `--max-age-delta` have the same names here. */
export const ALIASES: readonly Alias<SettingName>[] = [
  { flag: 'debug', value: null, help: '--log-level debug', sets: 'logLevel', read: () => 'debug' },
  {
    flag: 'timeout',
    value: 'seconds',
    help: '--flush-ms, in seconds',
    sets: 'flushMs',
    read: (given) => (given.trim() === '' ? given : Math.round(Number(given) * 1_000)),
  },
  {
    flag: 'params',
    value: 'k:v|k:v',
    help: '--label k=v for each',
    sets: 'labels',
    read: (given) => given.split('|').map((pair) => pair.replace(':', '=')),
  },
];
