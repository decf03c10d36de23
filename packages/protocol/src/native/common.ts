import { z } from 'zod';

/** A run: UUID version 7 as text, so runs sort by age. */
export const RunId = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'must be a UUID')
  .brand('RunId');
export type RunId = z.infer<typeof RunId>;

/** An agent for one life of its process: node name, a dot, the first six hex digits of its boot. */
export const AgentId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$/, 'must be an agent id')
  .brand('AgentId');
export type AgentId = z.infer<typeof AgentId>;

/** 128 random bits as 32 hex digits, drawn at each start of a process. */
export const BootId = z.string().regex(/^[0-9a-f]{32}$/, 'must be 32 hex digits');

/** One outbox of one agent boot: `boot/run`. */
export const StreamId = z
  .string()
  .regex(/^[0-9a-f]{32}\/[0-9a-f-]{36}$/, 'must be boot/run')
  .brand('StreamId');
export type StreamId = z.infer<typeof StreamId>;

/** `sha256:` and 64 hex digits of the bundle's bytes. */
export const BundleHash = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256:<64 hex digits>')
  .brand('BundleHash');
export type BundleHash = z.infer<typeof BundleHash>;

/** Names a question, so that it may be repeated safely for ten minutes. Unique per asker. */
export const RequestId = z.string().min(1).max(64);

/** Milliseconds, fractions allowed. Which clock is said where it is used. */
export const Ms = z.number().finite();
/** A count, a number of a batch, an index. */
export const Int = z.int().nonnegative();
/** Text for people: bounded, so a hostile peer can't fill a log. */
export const Text = z.string().max(16_384);
/** A short name: a scenario, a primitive, a label. */
export const Name = z.string().min(1).max(256);
/** Bytes: a Buffer or a plain typed array, as msgpackr gives them. */
export const Bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'must be bytes');

/** Lowest and highest native protocol version that a peer speaks. */
export const VersionRange = z.tuple([z.int().positive(), z.int().positive()]);
export type VersionRange = z.infer<typeof VersionRange>;

/** A fault as it travels: the code is one of `Code`, the message says what happened, to what, what to do. */
export const WireError = z.strictObject({ code: z.string().max(64), message: Text, details: z.unknown().optional() });
export type WireError = z.infer<typeof WireError>;

/** Makes two names for one stream impossible: the only place where a stream id is put together. */
export const streamId = (boot: string, run: string): StreamId => `${boot}/${run}` as StreamId;

/** The run that a stream belongs to. */
export const runOfStream = (stream: StreamId): RunId => stream.slice(33) as RunId;

/** The agent id of a node in one boot. */
export const agentId = (node: string, boot: string): AgentId => `${node}.${boot.slice(0, 6)}` as AgentId;
