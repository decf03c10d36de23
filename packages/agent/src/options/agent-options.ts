import { availableParallelism, cpus } from 'node:os';
import { configError, type LogLevel, type SettingFault } from '@muster/daemon';
import { BOUNDS, DEFAULT_FRONTEND, requireLoopback, TIMES } from '@muster/protocol';
import { DEFAULT_LIMITS, type SupervisorLimits } from '../supervisor/supervisor-config.js';
import { AGENT_SETTINGS } from './settings.js';

/** What an agent can be told. Everything has a default. */
export interface AgentOptions {
  /** The broker's frontend. @default tcp://127.0.0.1:7780 */
  readonly broker?: string;
  /** Folder of the node's name, its outbox and its bundles; one agent each. @default a private one that goes away */
  readonly data?: string;
  /** The node's name. @default the one kept in the data folder, else the host's */
  readonly node?: string;
  /** Worker processes for a run. @default one per core */
  readonly workers?: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** Shown to the broker when signing on. */
  readonly token?: string;
  /** Allows addresses other than loopback. @default false */
  readonly insecure?: boolean;
  /** @default 'info' */
  readonly logLevel?: string;
  /** Heap of each worker; one that takes twice as much memory in all is ended. @default 2_048 */
  readonly maxMemoryMiB?: number;
  /** A worker whose loop is blocked for so long is ended. @default 10_000 */
  readonly hangMs?: number;
  /** Raw rows kept per second by the whole agent when a run thins them. @default 5_000 */
  readonly rowsPerSecond?: number;
  /** @default 64 */
  readonly outboxMemoryMiB?: number;
  /** @default 2_048 */
  readonly outboxDiskMiB?: number;
  /** @default 16 */
  readonly unackedMiB?: number;
  /** An agent that ends waits so long for its results to be taken. @default 10_000 */
  readonly flushMs?: number;
  /** The agent leaves when it is so old and has no work; -1: never. @default -1 */
  readonly maxAgeSeconds?: number;
  /** By so much it may be older, drawn at random, so that agents started together do not leave together. @default 0 */
  readonly maxAgeDeltaSeconds?: number;
  /**
   * Leave when a broker of ours is lost and there is no work, as under a broker of the original with a heartbeat.
   * @default false: it waits until one is there again
   */
  readonly quitWhenOrphaned?: boolean;
  /** A broker that is silent for so long is lost. @default 30_000 */
  readonly brokerLostMs?: number;
  /** A file for the log, `stdout` or `stderr`. @default 'stderr' */
  readonly logFile?: string;
}

/** The same with every default filled in. */
export interface ResolvedAgentOptions {
  readonly broker: string;
  readonly data: string | null;
  readonly node: string | null;
  readonly cores: number;
  readonly workers: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly token: string | null;
  readonly insecure: boolean;
  readonly logLevel: LogLevel;
  readonly logFile: string;
  /** By how much at most the age at which it leaves is drawn out. */
  readonly maxAgeDeltaMs: number;
  readonly maxHeapMiB: number;
  readonly hangMs: number;
  readonly limits: SupervisorLimits;
}

const MIB = 1_048_576;

/**
 * Fills in defaults and checks.
 *
 * @throws MusterError `BAD_CONFIG` naming every fault, or `NOT_LOOPBACK`.
 */
export const resolveAgentOptions = (
  options: AgentOptions,
  whereOf: (name: string) => string = (name) => name,
): ResolvedAgentOptions => {
  const faults: SettingFault[] = [];
  const given = AGENT_SETTINGS.check(options, whereOf, faults);
  if (faults.length > 0) throw configError(faults);
  const broker = given.text('broker', DEFAULT_FRONTEND);
  const insecure = given.flag('insecure', false);
  requireLoopback(broker, insecure);
  const maxAgeS = given.whole('maxAgeSeconds', -1);
  return {
    broker,
    data: given.text('data', null),
    node: given.text('node', null),
    cores: Math.max(1, cpus().length),
    workers: given.whole('workers', availableParallelism()),
    labels: given.labels('labels'),
    token: given.text('token', null),
    insecure,
    logLevel: given.level('logLevel', 'info'),
    logFile: given.text('logFile', 'stderr'),
    maxAgeDeltaMs: given.whole('maxAgeDeltaSeconds', 0) * 1_000,
    maxHeapMiB: given.whole('maxMemoryMiB', 2_048),
    hangMs: given.whole('hangMs', TIMES.hangMs),
    limits: {
      ...DEFAULT_LIMITS,
      unackedBytes: given.whole('unackedMiB', BOUNDS.unackedBytes / MIB) * MIB,
      diskBytes: given.whole('outboxDiskMiB', BOUNDS.outboxDiskBytes / MIB) * MIB,
      memoryBytes: given.whole('outboxMemoryMiB', BOUNDS.outboxMemoryBytes / MIB) * MIB,
      rowsPerSecond: given.whole('rowsPerSecond', DEFAULT_LIMITS.rowsPerSecond),
      flushMs: given.whole('flushMs', DEFAULT_LIMITS.flushMs),
      maxAgeMs: maxAgeS < 0 ? DEFAULT_LIMITS.maxAgeMs : maxAgeS * 1_000,
      quitWhenOrphaned: given.flag('quitWhenOrphaned', false),
      brokerLostMs: given.whole('brokerLostMs', DEFAULT_LIMITS.brokerLostMs),
    },
  };
};
