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
  StreamId,
  Text,
  VersionRange,
  WireError,
} from './common.js';
import { Original } from './original-run.js';

/** Answers a valid `hello`. */
export const Welcome = z.strictObject({
  type: z.literal('welcome'),
  /** Changes when the broker was restarted: then agents resend. */
  boot: BootId,
  version: Name,
  /** The version that both will speak. */
  protocol: z.int().positive(),
  agent: AgentId,
  receiver: Name,
  beatMs: z.int().positive(),
  leaseMs: z.int().positive(),
  lostMs: z.int().positive(),
});
/** The agent may not sign on; `protocol` is the broker's range. */
export const Refuse = z.strictObject({
  type: z.literal('refuse'),
  code: z.string().max(64),
  message: Text,
  protocol: VersionRange,
});
/** The right to load: until this instant of the broker's clock, by this plan. */
export const Grant = z.strictObject({ run: RunId, generation: Int, untilMs: Ms });
export type Grant = z.infer<typeof Grant>;
/** Answers an agent's beat with the other three stamps and what may be worked until when. */
export const BrokerBeat = z.strictObject({
  type: z.literal('beat'),
  seq: Int,
  /** Agent's clock: the beat's own stamp, echoed. */
  sentMs: Ms,
  /** Broker's clock when the beat came. */
  receivedMs: Ms,
  /** Broker's clock when this answer was made. */
  answeredMs: Ms,
  grant: Grant.nullable(),
});
/** Load the bundle, start the workers, say what it exports. */
export const Prepare = z.strictObject({
  type: z.literal('prepare'),
  run: RunId,
  name: Name,
  bundle: z.strictObject({ hash: BundleHash, size: Int }),
  env: z.record(Name, z.string().max(65_536)),
  /** Same for all agents; each user's generator is derived from it. */
  seed: Int,
  raw: z.enum(['thinned', 'all', 'none']),
  orphan: z.strictObject({ mode: z.enum(['continue', 'stop']), leaseMs: z.int().nonnegative() }),
});
/**
 * What the whole cluster does from an instant on. Generation 0 carries the resolved options and no start: users are
 * made, `setup` is run once, nothing is loaded. Each agent derives its share from `members` and its own place there.
 */
export const Plan = z.strictObject({
  type: z.literal('plan'),
  run: RunId,
  generation: Int,
  /** Milliseconds since the run's start from which this plan holds. */
  fromMs: Ms.nonnegative(),
  /** The run's instant 0 on the broker's clock; null in generation 0. */
  startAtMs: Ms.nullable(),
  members: z.array(AgentId).max(2_000),
  /** `ResolvedOptions` of `@muster/plan`; only in generation 0. */
  options: z.unknown().optional(),
});
export type Plan = z.infer<typeof Plan>;
/** Start nothing new, let what runs end within `gracefulStop`, then finish. Acts on arrival. */
export const Stop = z.strictObject({ type: z.literal('stop'), run: RunId, reason: Text });
/** End now: workers are stopped by the ladder. What was sealed is still sent. */
export const Abort = z.strictObject({ type: z.literal('abort'), run: RunId, reason: Text });
/** Everything of the stream up to and with this number is committed. */
export const Ack = z.strictObject({ type: z.literal('ack'), stream: StreamId, upTo: Int });
/** Send the stream again from this number. */
export const Resend = z.strictObject({ type: z.literal('resend'), stream: StreamId, from: Int });
/** The run is over for this agent: drop its workers; the outbox stays until acknowledged. */
export const Forget = z.strictObject({ type: z.literal('forget'), run: RunId });
/** Run the author's `handleSummary` with this summary; the answer comes as `once.put` named `handleSummary`. */
export const Summarize = z.strictObject({ type: z.literal('summarize'), run: RunId, summary: z.unknown() });
/** Answers a question of the agent (`claim`, `once.get`, `once.put`, `barrier.arrive`, `bundle.get`). */
export const AgentReply = z.strictObject({
  type: z.literal('reply'),
  id: RequestId,
  result: z.unknown().optional(),
  error: WireError.optional(),
});
/** Take no further run. */
export const Drain = z.strictObject({ type: z.literal('drain') });

export const BrokerMessage = z.discriminatedUnion('type', [
  Welcome,
  Refuse,
  BrokerBeat,
  Prepare,
  Plan,
  Stop,
  Abort,
  Ack,
  Resend,
  Forget,
  Summarize,
  AgentReply,
  Drain,
  Original,
]);
/** Everything that the broker says to a native agent on the backend. */
export type BrokerMessage = z.infer<typeof BrokerMessage>;

/** The result of a claim: the half-open range given, or `count: 0` when there is no more. */
export const ClaimResult = z.strictObject({ from: Int, count: Int, exhausted: z.boolean() });
export type ClaimResult = z.infer<typeof ClaimResult>;
export const OnceResult = z.union([
  z.strictObject({ compute: z.literal(true) }),
  z.strictObject({ compute: z.literal(false), value: z.unknown().optional() }),
]);
export type OnceResult = z.infer<typeof OnceResult>;
export const BarrierResult = z.strictObject({ arrived: Int, lost: Int });
export type BarrierResult = z.infer<typeof BarrierResult>;
