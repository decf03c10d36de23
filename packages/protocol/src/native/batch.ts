import { z } from 'zod';
import { AgentId, Bytes, Int, Ms, Name, RunId, StreamId, Text } from './common.js';

/** First frame of a result batch. The payload stays undecoded until the store's thread or the merge needs it. */
export const BatchHeader = z.strictObject({
  stream: StreamId,
  /** From 0, without gaps. */
  number: Int,
  kind: z.enum(['window', 'samples', 'end']),
  run: RunId,
  agent: AgentId,
  worker: Int,
  /** The stream ends with this batch. */
  last: z.boolean(),
});
export type BatchHeader = z.infer<typeof BatchHeader>;

/** `SeriesSnapshot` of `@muster/metrics`; checked there, when it is merged. */
const Series = z.record(z.string(), z.unknown());

/** A failure seen in a window, grouped by code, message and the author's line. */
export const ErrorGroup = z.strictObject({
  code: z.string().max(64),
  message: z.string().max(4_096),
  where: z.string().max(1_024).nullable(),
  scenario: Name.nullable(),
  count: Int,
  firstAtMs: Ms,
  lastAtMs: Ms,
});
export type ErrorGroup = z.infer<typeof ErrorGroup>;

/** Payload of kind `window`: one second of one worker, sealed. Empty seconds are sent too, so a gap can be told. */
export const WindowPayload = z.strictObject({
  /** Seconds since the run's start; the window is [second, second + 1). */
  second: z.int(),
  /** Everything of this worker before this instant of the run's clock is sealed with this batch. */
  sealedToMs: Ms,
  series: z.array(Series).max(20_000),
  errors: z.array(ErrorGroup).max(1_000),
  /** Rows of the second: measured, and kept in the samples batch beside it. */
  rows: z.strictObject({ measured: Int, kept: Int }),
  logs: z
    .array(z.strictObject({ atMs: Ms, level: z.enum(['debug', 'info', 'warn', 'error']), message: Text }))
    .max(1_000),
});
export type WindowPayload = z.infer<typeof WindowPayload>;

/** A column of rows: fixed-width little-endian numbers, or indices into a table of texts. */
export const Column = z.discriminatedUnion('type', [
  z.strictObject({ name: Name, type: z.enum(['f64', 'i32', 'u32', 'u8']), data: Bytes }),
  z.strictObject({
    name: Name,
    type: z.literal('dict'),
    data: Bytes,
    values: z.array(z.string().max(8_192)).max(65_536),
  }),
]);
export type Column = z.infer<typeof Column>;

/** Payload of kind `samples`: one row per request, its timings as columns (`SAMPLE_COLUMNS`). */
export const SamplesPayload = z.strictObject({ rows: Int, columns: z.array(Column).max(64) });
export type SamplesPayload = z.infer<typeof SamplesPayload>;

/** In a gap: each worker of the agent, from the instant to which it had sealed. Whoever reads the stream knows that. */
export const EVERY_WORKER = -1;

/** Payload of kind `end`: closes the stream. */
export const EndPayload = z.strictObject({
  outcome: z.enum(['done', 'stopped', 'aborted', 'failed']),
  /** Workers that died: their open window is lost. A later boot, which did not see them work, says {@link EVERY_WORKER}. */
  gaps: z.array(z.strictObject({ worker: z.int().min(EVERY_WORKER), fromMs: Ms, toMs: Ms, why: Text })).max(1_000),
});
export type EndPayload = z.infer<typeof EndPayload>;

/**
 * The columns of a row, in this order. `dict` columns are u32 indices into their `values`. Instants are microseconds
 * since the run's start as f64; durations are microseconds as u32; -1 in `intended_us` where the executor has no schedule.
 */
export const SAMPLE_COLUMNS = [
  { name: 'ended_us', type: 'f64' },
  { name: 'started_us', type: 'f64' },
  { name: 'intended_us', type: 'f64' },
  { name: 'iteration_started_us', type: 'f64' },
  { name: 'scenario', type: 'dict' },
  { name: 'group', type: 'dict' },
  { name: 'name', type: 'dict' },
  { name: 'method', type: 'dict' },
  { name: 'status', type: 'i32' },
  { name: 'error_code', type: 'i32' },
  { name: 'failed', type: 'u8' },
  { name: 'duration_us', type: 'u32' },
  { name: 'blocked_us', type: 'u32' },
  { name: 'connecting_us', type: 'u32' },
  { name: 'tls_us', type: 'u32' },
  { name: 'sending_us', type: 'u32' },
  { name: 'waiting_us', type: 'u32' },
  { name: 'receiving_us', type: 'u32' },
  { name: 'bytes_sent', type: 'u32' },
  { name: 'bytes_received', type: 'u32' },
  { name: 'vu', type: 'u32' },
  { name: 'iteration', type: 'u32' },
] as const;
