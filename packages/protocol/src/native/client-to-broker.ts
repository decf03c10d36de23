import { z } from 'zod';
import { QUERY_TABLES } from './client-answers.js';
import { BundleHash, Bytes, Int, Name, RequestId, RunId, Text } from './common.js';

const ask = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.strictObject({ type: z.literal(type), id: RequestId, token: z.string().max(1_024).optional(), ...shape });

export const Ping = ask('ping', {});
export const BundleHas = ask('bundle.has', { hash: BundleHash });
/** One piece of at most 256 KiB, in order (see `BundlePutResult`); the last one is checked against the hash. */
export const BundlePut = ask('bundle.put', { hash: BundleHash, size: Int, offset: Int, data: Bytes });
export const Submit = ask('submit', {
  bundle: BundleHash,
  /** For people: usually the test's file name. */
  name: Name,
  /** Overrides of the script's options: same schema, all optional. */
  options: z.unknown().optional(),
  env: z.record(Name, z.string().max(65_536)).default({}),
  /** Default: all that are free. */
  agents: z.int().positive().optional(),
  raw: z.enum(['thinned', 'all', 'none']).default('thinned'),
  minCoverage: z.number().min(0).max(1).default(0.95),
  settleMs: z.int().nonnegative().default(30_000),
  orphan: z
    .strictObject({ mode: z.enum(['continue', 'stop']), leaseMs: z.int().nonnegative() })
    .default({ mode: 'continue', leaseMs: 60_000 }),
  seed: Int.optional(),
  observers: z.array(Name).max(32).default([]),
  /** By observer and option, over what the broker's configuration says; which there are is the broker's to know. */
  observerOptions: z.record(Name, z.record(Name, z.union([z.string().max(4_096), z.number(), z.boolean()]))).optional(),
});
/** A snapshot of a run and the number of its last event; events after it come on the publisher. */
export const Attach = ask('attach', { run: RunId, since: Int.optional() });
export const Steer = ask('steer', { run: RunId, action: Name, value: z.unknown().optional() });
export const StopRun = ask('stop', {
  run: RunId,
  reason: Text.default('stopped by a client'),
  force: z.boolean().default(false),
});
export const Runs = ask('runs', { limit: z.int().positive().max(10_000).default(100) });
export const Show = ask('show', { run: RunId });
export const Agents = ask('agents', {});
export const Query = ask('query', {
  run: RunId,
  table: z.enum(QUERY_TABLES),
  /** First row, for paging. */
  start: Int.default(0),
  /** At most 100,000 rows a page. */
  size: z.int().positive().max(100_000).default(1_000),
});
export const Annotate = ask('annotate', { run: RunId, text: Text });
export const DrainAgent = ask('drain', { agent: Name });
/** Gives up a question asked earlier: it is not answered any more. */
export const Cancel = ask('cancel', { request: RequestId });

export const ClientMessage = z.discriminatedUnion('type', [
  Ping,
  BundleHas,
  BundlePut,
  Submit,
  Attach,
  Steer,
  StopRun,
  Runs,
  Show,
  Agents,
  Query,
  Annotate,
  DrainAgent,
  Cancel,
]);
/** Everything that a native client asks on the frontend. */
export type ClientMessage = z.infer<typeof ClientMessage>;
/** The same as the asker writes it: what has a default may be left out, ids are plain text. */
export type ClientQuestion = z.input<typeof ClientMessage>;
