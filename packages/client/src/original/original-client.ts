import type { AgentStatus, OriginalPingResult, ResultRow } from '@muster/protocol';
import type { CallOptions } from '../give-up.js';

/** An agent, as any generation of the original names it. */
export interface OriginalAgentInfo {
  readonly id: string;
  /** Text where the broker knows it only from results. */
  readonly pid: number | string;
  readonly hostname: string | null;
}

/** A broker's answer to `PING`. */
export interface OriginalPing {
  readonly pid: number;
  readonly endpoints: Readonly<Record<string, string>>;
  readonly agents: readonly OriginalAgentInfo[];
  /** The native versions of a Muster broker; null: a broker of the original. */
  readonly native: OriginalPingResult['native'] | null;
  /** The release of a Muster broker. */
  readonly version: string | null;
}

/** What agents are told to run: an external program, or a test in the files that come along. */
export interface OriginalRunOptions extends CallOptions {
  /** How many agents; each of them makes the whole load. @default 1 */
  readonly agents?: number;
  /** `file.ts` or `file.ts:export` in the files; a broker with Python agents takes `package.module.Class.method`. */
  readonly fqn?: string;
  /** The external program and its arguments; `{test}` in it becomes the fqn. */
  readonly testRunner?: string;
  /** Virtual users of each stage. @default [1] */
  readonly users?: readonly number[];
  /** How often each user runs the test, stage by stage; not together with `durationS`. @default [1] */
  readonly hits?: readonly number[];
  /** How long each user runs the test, in seconds. */
  readonly durationS?: number;
  /** How long an external program may take beyond its duration, or for each hit, in seconds. @default 2 */
  readonly processTimeoutS?: number;
  /** The files, zipped. */
  readonly files?: Uint8Array;
  readonly serverUrl?: string;
  readonly projectName?: string;
  readonly userId?: string;
  /** Observers by name, told at the end. */
  readonly observers?: readonly string[];
  /** Further arguments by the original's names, such as `observer_irc_server`; they win over the above. */
  readonly args?: Readonly<Record<string, unknown>>;
}

/** A run that was started. */
export interface OriginalRunStarted {
  readonly run: string;
  readonly agents: readonly string[];
}

/** An active run. */
export interface OriginalRunInfo {
  readonly run: string;
  /** Its agents, and since when, in seconds since 1970. */
  readonly agents: readonly { readonly agent: string; readonly sinceS: number }[];
}

/** Which rows of a run are read. */
export interface DataOptions extends CallOptions {
  /** Only rows of this kind, such as `add_hit`. */
  readonly type?: string;
  /** Equal rows as one with a `count`; they come in one answer. @default false */
  readonly groupBy?: boolean;
  /** Leaves out so many rows at the beginning; with a `type`, brokers of the original count rows of any. @default 0 */
  readonly start?: number;
  /** At most so many rows. @default all */
  readonly limit?: number;
  /** Rows that one question asks for. @default 1_000 */
  readonly pageSize?: number;
}

/** What a watcher hears. */
export type OriginalEvent =
  /**
   * Where the run stands: the rows that follow come on top of these counts. It comes first, and again when rows were
   * `missed`. Not `exact` at a broker of the original, which does not say which rows it has counted.
   */
  | {
      readonly kind: 'snapshot';
      readonly run: string;
      readonly counts: Readonly<Record<string, number>>;
      readonly active: boolean;
      readonly missed: boolean;
      readonly exact: boolean;
    }
  | { readonly kind: 'rows'; readonly run: string | null; readonly rows: readonly ResultRow[] }
  /** The run is over; rows that were on their way may still come. */
  | { readonly kind: 'finished'; readonly run: string };

/** What an agent answers to a direct command. */
export interface OriginalAgentReply {
  /** Its workers by process id, each with its state and run. */
  readonly status: AgentStatus;
  /** Processes that it started. */
  readonly pids: readonly number[];
}

/**
 * The commands of the original, typed, on Muster's brokers and on brokers of the original. Any number of calls may be
 * under way at once; a broken connection is replaced, and what only reads is asked again on another.
 *
 * Besides what is named at a call, each rejects with `TIMEOUT`, `ABORTED`, `CLOSED`, `BAD_MESSAGE` for an answer that
 * does not fit, and `BROKER_FAULT` for an error of the broker, whose traceback is in `details.trace`.
 */
export interface OriginalClient extends AsyncDisposable {
  readonly endpoint: string;
  /** False: a broker of the original. */
  readonly native: boolean;
  ping(options?: CallOptions): Promise<OriginalPing>;
  /** The agents that are signed on. */
  list(options?: CallOptions): Promise<readonly OriginalAgentInfo[]>;
  /** Starts a run. @throws MusterError `NOT_ENOUGH_AGENTS`, `MESSAGE_TOO_LARGE`; after a `TIMEOUT` it may have started */
  run(options: OriginalRunOptions): Promise<OriginalRunStarted>;
  /** The active runs. */
  listRuns(options?: CallOptions): Promise<readonly OriginalRunInfo[]>;
  /** Ids of all runs that are kept, oldest first. @throws MusterError `NOT_SUPPORTED` by brokers of the original */
  getRuns(options?: CallOptions): Promise<readonly string[]>;
  /** Tells a run's agents to stop; the answer names them. */
  stopRun(run: string, options?: CallOptions): Promise<readonly string[]>;
  /** Stops every active run; the answer names them. */
  purge(options?: CallOptions): Promise<readonly string[]>;
  /** The rows of a run, asked for page by page as they are taken. */
  getData(run: string, options?: DataOptions): AsyncGenerator<ResultRow, void, undefined>;
  /** How often each kind of row came; of web-socket messages, their bytes. */
  getCounts(run: string, options?: CallOptions): Promise<Readonly<Record<string, number>>>;
  /** Hits by URL. */
  getUrls(run: string, options?: CallOptions): Promise<Readonly<Record<string, number>>>;
  /** The rows of failures and errors. */
  getErrors(run: string, options?: Omit<DataOptions, 'type' | 'groupBy'>): AsyncGenerator<ResultRow, void, undefined>;
  /** The run's arguments and state; empty for a run that the broker does not know. */
  getMetadata(run: string, options?: CallOptions): Promise<Readonly<Record<string, unknown>>>;
  /** Adds to the metadata. @throws MusterError `NOT_SUPPORTED` by brokers of the original */
  updateMetadata(run: string, fields: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<void>;
  /** Deletes a run that is over, with its rows. @throws MusterError `NOT_SUPPORTED` by brokers of the original */
  deleteRun(run: string, options?: CallOptions): Promise<void>;
  /** What the broker last heard of the agent's workers: a broker of the original asks anew for the next caller. */
  agentStatus(agent: string, options?: CallOptions): Promise<AgentStatus>;
  /** Stops all workers of an agent. Null: a broker of the original, which passes the answer on to nobody. */
  agentStop(agent: string, options?: CallOptions): Promise<OriginalAgentReply | null>;
  /** Ends an agent; a busy one refuses unless `force`. Null as with `agentStop`. */
  agentQuit(agent: string, options?: CallOptions & { readonly force?: boolean }): Promise<OriginalAgentReply | null>;
  /** Starts a worker on one agent, outside of any run of the broker. */
  agentRun(agent: string, options: Omit<OriginalRunOptions, 'agents'>): Promise<OriginalAgentReply>;
  /**
   * The rows of one run, or of all that programs of the original do; ends when the run is over. At a broker of Muster the
   * counts of the last snapshot and the rows since then are at every moment what the broker has counted, whatever was
   * lost on the way. A run of a test of Muster's, and any at a broker of the original, is heard as it is published:
   * nothing says whether something was missed, and `getCounts` is the truth.
   */
  watch(options?: WatchOptions): AsyncGenerator<OriginalEvent, void, undefined>;
  /** Gives up whatever is under way (`CLOSED`). Runs go on. */
  close(): Promise<void>;
}

/** Which run is watched, and for how long. */
export interface WatchOptions {
  readonly run?: string;
  /** Ends the watching, without an error. */
  readonly signal?: AbortSignal;
  /** Called when the broker is connected to, each time: what is published later is heard. */
  readonly onListening?: () => void;
}
