import { z } from 'zod';
import {
  AgentId,
  BootId,
  BundleHash,
  Int,
  Ms,
  Name,
  RequestId,
  RunId,
  Text,
  VersionRange,
  WireError,
} from './common.js';

export const RUN_STATES = [
  'queued',
  'preparing',
  'ready',
  'running',
  'paused',
  'stopping',
  'settling',
  'finished',
] as const;
export type RunState = (typeof RUN_STATES)[number];
export const VERDICTS = ['errored', 'aborted', 'invalid', 'failed', 'passed'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** The broker's answer to any question of a client. */
export const ClientReply = z.strictObject({
  id: RequestId,
  result: z.unknown().optional(),
  error: WireError.optional(),
});
export type ClientReply = z.infer<typeof ClientReply>;

export const Endpoints = z.strictObject({
  frontend: Name,
  backend: Name,
  register: Name,
  receiver: Name,
  publisher: Name,
  events: Name,
  heartbeat: Name.optional(),
});
export type Endpoints = z.infer<typeof Endpoints>;

/** An agent as clients see it. */
export const AgentInfo = z.strictObject({
  id: AgentId,
  node: Name,
  hostname: Name,
  pid: Int,
  version: Name,
  cores: Int,
  workers: Int,
  labels: z.record(Name, Name),
  state: z.enum(['free', 'reserved', 'running', 'draining', 'lost']),
  run: RunId.nullable(),
  lastSeenMs: Ms.describe('milliseconds since it was heard'),
  cpu: z.number(),
  rssBytes: Int,
  lagMs: Ms,
  vus: Int,
  clockOffsetMs: Ms.nullable(),
  clockBoundMs: Ms.nullable(),
});
export type AgentInfo = z.infer<typeof AgentInfo>;

export const PingResult = z.strictObject({
  pid: Int,
  boot: BootId,
  version: Name,
  native: VersionRange,
  endpoints: Endpoints,
  agents: Int,
  clockMs: Ms,
  limits: z.record(Name, z.number()),
  security: z.strictObject({ keys: z.boolean(), loopbackOnly: z.boolean() }),
});
export type PingResult = z.infer<typeof PingResult>;

/** A line of `runs`. */
export const RunInfo = z.strictObject({
  id: RunId,
  name: Name,
  state: z.enum(RUN_STATES),
  verdict: z.enum(VERDICTS).nullable(),
  exitCode: Int.nullable(),
  reason: Text.nullable(),
  submittedAt: Name,
  startedAt: Name.nullable(),
  endedAt: Name.nullable(),
  bundle: BundleHash,
  agents: z.array(AgentId),
});
export type RunInfo = z.infer<typeof RunInfo>;

/** One scenario in a progress event. */
export const ScenarioProgress = z.strictObject({
  name: Name,
  executor: Name,
  /** 0 to 1, by time or by iterations, whichever the executor ends by. */
  ratio: z.number().min(0).max(1),
  vus: Int,
  maxVus: Int,
  /** Completed iterations. */
  iterations: Int,
  /** Iterations that the plan has in all, when it says. */
  planned: Int.nullable(),
  dropped: Int,
  /** Completed iterations in the last whole second. */
  rate: z.number(),
});
export type ScenarioProgress = z.infer<typeof ScenarioProgress>;

/** Once a second of a running run: totals, the last whole second, scenarios, agents, thresholds. Times in ms. */
export const Progress = z.strictObject({
  run: RunId,
  number: Int,
  state: z.enum(RUN_STATES),
  /** The run's clock. */
  atMs: Ms,
  /** Planned end of the run on its clock, graceful stops not counted; null when it ends by iterations alone. */
  plannedMs: Ms.nullable(),
  requests: z.strictObject({ count: Int, failed: Int, rate: z.number(), failedRate: z.number() }),
  /** Of `http_req_duration`: in the last whole second and since the start; null without a request. */
  latency: z.strictObject({
    second: z.strictObject({ p50: Ms, p95: Ms, p99: Ms }).nullable(),
    total: z.strictObject({ p50: Ms, p95: Ms, p99: Ms }).nullable(),
  }),
  iterations: z.strictObject({ count: Int, rate: z.number(), dropped: Int, failed: Int }),
  checks: z.strictObject({ passes: Int, fails: Int }),
  scenarios: z.array(ScenarioProgress),
  agents: z.array(z.strictObject({ id: AgentId, state: Name, vus: Int, cpu: z.number(), lagMs: Ms })),
  thresholds: z.array(
    z.strictObject({ metric: Name, expression: Name, ok: z.boolean(), value: z.number().nullable() }),
  ),
});
export type Progress = z.infer<typeof Progress>;

/** What the publisher sends to native watchers; numbers are without gaps per run. */
export const RunEvent = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('state'), run: RunId, number: Int, state: z.enum(RUN_STATES), text: Text }),
  z.strictObject({ kind: z.literal('progress'), run: RunId, number: Int, progress: Progress }),
  z.strictObject({
    kind: z.literal('note'),
    run: RunId,
    number: Int,
    atMs: Ms,
    level: z.enum(['info', 'warn', 'error']),
    text: Text,
  }),
]);
export type RunEvent = z.infer<typeof RunEvent>;

/** Answer to `attach`: where the run stands; events with a higher number follow on the publisher. */
export const Snapshot = z.strictObject({
  run: RunInfo,
  number: Int,
  progress: Progress.nullable(),
  notes: z.array(z.strictObject({ atMs: Ms, level: Name, text: Text })),
});
export type Snapshot = z.infer<typeof Snapshot>;

/** Answer to `bundle.has`. */
export const BundleHasResult = z.strictObject({ has: z.boolean() });
export type BundleHasResult = z.infer<typeof BundleHasResult>;
/**
 * Answer to `bundle.put`: how many bytes are held without a gap, so where the next piece begins. A piece that does not
 * continue what is held is not taken, and is no error: whoever uploads goes on from here (two may upload at once).
 */
export const BundlePutResult = z.strictObject({ received: Int });
export type BundlePutResult = z.infer<typeof BundlePutResult>;

/** Answer to `submit`: the run is queued, or has its agents already. */
export const SubmitResult = z.strictObject({ run: RunId, agents: z.array(AgentId) });
export type SubmitResult = z.infer<typeof SubmitResult>;
/** What a query may ask for. */
export const QUERY_TABLES = ['windows', 'samples', 'errors', 'events'] as const;
export type QueryTable = (typeof QUERY_TABLES)[number];
/** Answer to `query`: rows from `start` on, column by column; `total` is how many the table holds at this moment. */
export const QueryPage = z.strictObject({
  table: z.enum(QUERY_TABLES),
  start: Int,
  rows: Int,
  total: Int,
  columns: z.array(z.strictObject({ name: Name, values: z.array(z.custom<QueryValue>()) })),
});
export type QueryPage = z.infer<typeof QueryPage>;
export type QueryValue = string | number | boolean | null | Uint8Array | readonly number[];

/** Answer to `show`: the run, its exported summary once it is finished, and what the author's handleSummary made. */
export const ShowResult = z.strictObject({
  run: RunInfo,
  summary: z.unknown().nullable(),
  handleSummary: z.record(z.string(), z.string()).nullable(),
});
export type ShowResult = z.infer<typeof ShowResult>;
