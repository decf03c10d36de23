import type {
  AgentInfo,
  PingResult,
  Progress,
  QueryPage,
  QueryTable,
  RunInfo,
  ShowResult,
  Summary,
} from '@muster/protocol';
import type { CallOptions } from './give-up.js';
import type { Run } from './run.js';
import type { BundleArtefact } from './upload.js';

/** What is run, and how. */
export interface SubmitOptions extends CallOptions {
  /** The test, as `bundle(file)` of `@muster/client/bundle` or `@muster/bundle` made it, here or elsewhere. */
  readonly bundle: BundleArtefact;
  /** Overrides of the script's own options, by the same names. */
  readonly options?: object;
  /** How many agents. @default all that are free */
  readonly agents?: number;
  /** What the script finds in `__ENV`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Rows of single requests that are kept: evenly thinned above 5,000/s per agent, all, or none. @default 'thinned' */
  readonly raw?: 'thinned' | 'all' | 'none';
  /** Below this share of what was measured the verdict is `invalid`. @default 0.95 */
  readonly minCoverage?: number;
  /** How long late results are waited for after the load is over. @default 30_000 */
  readonly settleMs?: number;
  /** What agents do when the broker's process is gone, and for how long. @default continue for 60_000 ms */
  readonly orphan?: { readonly mode: 'continue' | 'stop'; readonly leaseMs: number };
  /** Makes random numbers repeatable. @default chosen by the broker */
  readonly seed?: number;
  /** The broker's observers that are told of the end, by name. */
  readonly observers?: readonly string[];
  /** What they need, by observer and option, over what the broker's configuration says. @default nothing */
  readonly observerOptions?: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
  /** For people. @default the bundle's name */
  readonly name?: string;
}

/** A summary that has been read: `summary` is null until the run is finished. */
export interface Shown extends Omit<ShowResult, 'summary'> {
  readonly summary: Summary | null;
}

/** Which part of a table is asked for, and in what pieces. */
export interface QueryOptions extends CallOptions {
  /** The first row. @default 0 */
  readonly start?: number;
  /** Rows of a page at most; a broker gives fewer where they are large. @default 10_000 */
  readonly pageSize?: number;
}

/** A connection to a broker. Any number of calls may be under way at once. */
export interface Muster extends AsyncDisposable {
  /** The frontend that this connection goes to. */
  readonly endpoint: string;
  /**
   * Uploads the bundle if the broker does not hold it, and starts a run. Resolves when the run is accepted.
   *
   * @throws MusterError `NOT_ENOUGH_AGENTS`, `BUNDLE_TOO_LARGE`, `TOO_MANY_RUNS`, …
   */
  submit(options: SubmitOptions): Promise<Run>;
  /** `submit`, its progress, and at the end the summary as the generator's return value. */
  run(options: SubmitOptions): AsyncGenerator<Progress, Summary, undefined>;
  /** A run that somebody started. @throws MusterError `RUN_UNKNOWN` */
  attach(run: string, options?: CallOptions): Promise<Run>;
  /** The latest runs, newest first. `limit`: @default 100 */
  runs(options?: CallOptions & { readonly limit?: number }): Promise<readonly RunInfo[]>;
  /** A run and, once it is finished, its summary; does not wait. @throws MusterError `RUN_UNKNOWN` */
  show(run: string, options?: CallOptions): Promise<Shown>;
  /** Every agent that the broker knows. */
  agents(options?: CallOptions): Promise<readonly AgentInfo[]>;
  /** Resolves when so many agents are signed on; `timeoutMs` is for all of the waiting. */
  waitForAgents(count: number, options?: CallOptions): Promise<readonly AgentInfo[]>;
  /**
   * What is stored of a run, page by page: `windows` (each series of each worker and second), `samples` (a row for each
   * request that was kept), `errors`, `events`. Ends with the table as it is when the last page is read.
   *
   * @throws MusterError `RUN_UNKNOWN`, `TIMEOUT`
   */
  query(run: string, table: QueryTable, options?: QueryOptions): AsyncIterable<QueryPage>;
  /** Writes a line into a run's history and to those who follow it. @throws MusterError `RUN_UNKNOWN`, `RUN_OVER` */
  annotate(run: string, text: string, options?: CallOptions): Promise<void>;
  /** Tells an agent to take no more runs; one in progress goes on. @throws MusterError `AGENT_UNKNOWN` */
  drain(agent: string, options?: CallOptions): Promise<void>;
  /** The broker's process, version, endpoints, clock and limits. */
  ping(options?: CallOptions): Promise<PingResult>;
  /** Gives up whatever is under way (`CLOSED`). Runs go on. */
  close(): Promise<void>;
}
