import { z } from 'zod';
import { BootId, BundleHash, Int, Ms, Name, RequestId, RunId, StreamId, Text, VersionRange } from './common.js';
import { OriginalReply, OriginalRunId } from './original-run.js';

/** A stream and the highest number that its outbox has given so far (-1: none yet). */
export const StreamTail = z.strictObject({ stream: StreamId, last: z.int().min(-1) });
export type StreamTail = z.infer<typeof StreamTail>;

/** Signs on; sent on every new connection and whenever the broker's boot changed. */
export const Hello = z.strictObject({
  type: z.literal('hello'),
  node: Name,
  boot: BootId,
  /** Product version, for people. */
  version: Name,
  protocol: VersionRange,
  token: z.string().max(1_024).optional(),
  hostname: Name,
  pid: Int,
  cores: z.int().positive(),
  /** Worker processes that the agent starts for a run. */
  workers: z.int().positive(),
  labels: z.record(Name, Name),
  capacity: z.strictObject({ memoryBytes: Int }),
  /** The run in progress, or null when the agent is free. */
  run: z.strictObject({ run: RunId, generation: z.int().min(-1) }).nullable(),
  /** Every outbox that still holds something, of this boot and of earlier ones in the same folder. */
  streams: z.array(StreamTail).max(1_000),
  /** Runs of the original that it works for; while there is one it takes no native run. */
  original: z.array(OriginalRunId).max(64).optional(),
});

/** Every 500 ms: first stamp of the clock's four, and how the agent fares. */
export const AgentBeat = z.strictObject({
  type: z.literal('beat'),
  seq: Int,
  /** Agent's monotonic clock when sent. */
  sentMs: Ms,
  /** Longest delay of the supervisor's and its workers' loops since the last beat. */
  lagMs: Ms,
  /** CPU used by the agent and its workers since the last beat, in cores. */
  cpu: z.number().nonnegative(),
  rssBytes: Int,
  vus: Int,
  outboxBytes: Int,
  /** The agent's own estimate: broker clock minus agent clock, and the bound of its error; null before the first answer. */
  clock: z.strictObject({ offsetMs: Ms, boundMs: Ms }).nullable(),
});

/** The bundle is loaded in every worker; what it exports. The broker resolves and validates the options. */
export const Prepared = z.strictObject({
  type: z.literal('prepared'),
  run: RunId,
  /** `export const options` as evaluated on the agent: plain data, not yet validated. */
  options: z.unknown().optional(),
  /** Names of the exported functions (`default`, `setup`, `teardown`, `handleSummary`, the `exec` functions). */
  functions: z.array(Name).max(1_000),
  /** Names and types of the custom metrics declared so far. */
  metrics: z
    .array(z.strictObject({ name: Name, type: z.enum(['counter', 'gauge', 'rate', 'trend']), isTime: z.boolean() }))
    .max(10_000),
});

/** Virtual users exist and the value of `setup` is held: only the start instant is missing. */
export const Ready = z.strictObject({ type: z.literal('ready'), run: RunId });
/** The plan is held; from its instant on the agent works by it. */
export const PlanAck = z.strictObject({ type: z.literal('plan.ack'), run: RunId, generation: Int });
/** First work of the run: `atMs` is the run's clock, so on a perfect machine 0. */
export const Started = z.strictObject({ type: z.literal('started'), run: RunId, atMs: Ms });
/** The load is over and every stream of the run has its last number. */
export const Finished = z.strictObject({
  type: z.literal('finished'),
  run: RunId,
  outcome: z.enum(['done', 'stopped', 'aborted', 'failed']),
  streams: z.array(StreamTail).max(1_000),
});
/** Asks for the next of something. `confirmed`: how many of what this agent was given have been used for good. */
export const Claim = z.strictObject({
  type: z.literal('claim'),
  id: RequestId,
  run: RunId,
  name: Name,
  mode: z.enum(['at-most-once', 'at-least-once']),
  count: z.int().positive().max(1_000_000),
  confirmed: Int,
});
/** Asks for a value that is made one time: the answer is `{ value }`, or `{ compute: true }` for the one who makes it. */
export const OnceGet = z.strictObject({ type: z.literal('once.get'), id: RequestId, run: RunId, name: Name });
/** The value that was asked for, or why it could not be made. */
export const OncePut = z.strictObject({
  type: z.literal('once.put'),
  id: RequestId,
  run: RunId,
  name: Name,
  value: z.unknown().optional(),
  error: z.strictObject({ code: z.string().max(64), message: Text, where: Text.optional() }).optional(),
});
/** Waits for all living members of the run; answered `{ arrived, lost }` when all are there. */
export const BarrierArrive = z.strictObject({
  type: z.literal('barrier.arrive'),
  id: RequestId,
  run: RunId,
  name: Name,
});
/** Nothing of the run is left on the agent but its outbox: it may be reserved again. */
export const SlotReleased = z.strictObject({ type: z.literal('slot.released'), run: RunId });
export const Log = z.strictObject({
  type: z.literal('log'),
  run: RunId.optional(),
  worker: Int.optional(),
  level: z.enum(['debug', 'info', 'warn', 'error']),
  message: Text,
});
/** Something failed on the agent. `fatal`: this agent can't go on with the run. */
export const Fault = z.strictObject({
  type: z.literal('fault'),
  run: RunId,
  worker: Int.optional(),
  phase: z.enum(['prepare', 'setup', 'run', 'teardown', 'summary']),
  code: z.string().max(64),
  message: Text,
  /** `file:line:column` in the author's file. */
  where: Text.optional(),
  fatal: z.boolean(),
});
/** Asks for a piece of a bundle; the answer is `{ size, data }`. */
export const BundleGet = z.strictObject({
  type: z.literal('bundle.get'),
  id: RequestId,
  hash: BundleHash,
  offset: Int,
});

export const AgentMessage = z.discriminatedUnion('type', [
  Hello,
  AgentBeat,
  Prepared,
  Ready,
  PlanAck,
  Started,
  Finished,
  Claim,
  OnceGet,
  OncePut,
  BarrierArrive,
  SlotReleased,
  Log,
  Fault,
  BundleGet,
  OriginalReply,
]);
/** Everything that a native agent says on the backend. */
export type AgentMessage = z.infer<typeof AgentMessage>;
