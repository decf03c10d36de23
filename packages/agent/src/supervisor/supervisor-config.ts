import { type AgentId, agentId, BOUNDS, type RunId, type StreamId, TIMES } from '@muster/protocol';

/** Who the agent is and what it has; does not change while it lives. */
export interface AgentIdentity {
  /** Stable name. */
  readonly node: string;
  /** 32 hex digits, drawn at each start. */
  readonly boot: string;
  /** Product version, for people. */
  readonly version: string;
  readonly hostname: string;
  readonly pid: number;
  readonly cores: number;
  /** Worker processes for a run. */
  readonly workers: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly memoryBytes: number;
  readonly token?: string;
}

/** The supervisor's numbers; each has a default. */
export interface SupervisorLimits {
  /** Sent and not acknowledged, over all streams; beyond it batches wait. @default 16 MiB */
  readonly unackedBytes: number;
  /** Kept and not acknowledged: near it raw rows are thinned, at it only failed ones are kept. @default 2 GiB */
  readonly diskBytes: number;
  /** Kept in memory because the disk is full; beyond it the run ends on this agent with `DISK_FULL`. @default 64 MiB */
  readonly memoryBytes: number;
  /** Raw rows kept per second by the whole agent when a run asks for thinned ones. @default 5_000 */
  readonly rowsPerSecond: number;
  /** Without a word from the broker for so long: ask the frontend again. @default 2_000 */
  readonly silenceMs: number;
  /** Without progress of the streams for so long: send again. Also for questions. @default 5_000 */
  readonly resendMs: number;
  /** Between two steps of the stop ladder. @default 5_000 */
  readonly ladderMs: number;
  /** What the broker has not reacted to is said again after so long. @default 2_000 */
  readonly repeatMs: number;
  /** What processes of a run of the original pushed last gets so long to arrive before its end is told. @default 500 */
  readonly settleMs: number;
  /** A broker that says nothing for so long is lost, for those that leave then. @default 30_000, the original's */
  readonly brokerLostMs: number;
  /** An agent leaves when it is so old and has nothing to do; infinite: never. @default infinite */
  readonly maxAgeMs: number;
  /** Whether an agent without a run leaves when its broker, one of ours, is lost. @default false */
  readonly quitWhenOrphaned: boolean;
  /** How long an agent that was told to quit waits for the broker to acknowledge its outbox. @default 10_000 */
  readonly flushMs: number;
  /** Drift of two machines' clocks against each other. @default 100e-6 */
  readonly drift: number;
}

export const DEFAULT_LIMITS: SupervisorLimits = {
  unackedBytes: BOUNDS.unackedBytes,
  diskBytes: BOUNDS.outboxDiskBytes,
  memoryBytes: BOUNDS.outboxMemoryBytes,
  rowsPerSecond: 5_000,
  silenceMs: TIMES.silenceMs,
  resendMs: TIMES.resendMs,
  ladderMs: TIMES.ladderMs,
  repeatMs: 2_000,
  settleMs: 500,
  brokerLostMs: 30_000,
  maxAgeMs: Number.POSITIVE_INFINITY,
  quitWhenOrphaned: false,
  flushMs: 10_000,
  drift: 100e-6,
};

export interface SupervisorConfig extends SupervisorLimits {
  readonly identity: AgentIdentity;
  readonly agent: AgentId;
}

/** An identity with the default limits, or with others. */
export const supervisorConfig = (
  identity: AgentIdentity,
  limits: Partial<SupervisorLimits> = {},
): SupervisorConfig => ({
  ...DEFAULT_LIMITS,
  ...limits,
  identity,
  agent: agentId(identity.node, identity.boot),
});

/** A stream that an earlier boot left in the outbox. */
export interface SavedStream {
  readonly stream: StreamId;
  readonly run: RunId;
  /** Number of the first batch that is still there; the next to be given when there is none. */
  readonly first: number;
  /** Sizes of the batches from `first` on, in bytes. */
  readonly sizes: readonly number[];
  /** The last batch there closes the stream. */
  readonly closed: boolean;
}

/** What an agent finds when it starts. */
export interface Saved {
  readonly streams: readonly SavedStream[];
}
