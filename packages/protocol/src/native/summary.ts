import { z } from 'zod';

const Values = z.record(z.string(), z.number().nullable());
const MetricType = z.enum(['counter', 'gauge', 'rate', 'trend']);

/**
 * The exported summary of a run, version 1: what `--summary-export` writes and `show --json` prints. Names and units
 * are k6's (times in milliseconds). Nothing here is renamed without a new `version`.
 */
export const Summary = z.strictObject({
  version: z.literal(1),
  /** Raised when late results changed what follows; the verdict never changes. */
  revision: z.int().positive(),
  run: z.strictObject({
    id: z.string(),
    name: z.string(),
    state: z.string(),
    verdict: z.enum(['errored', 'aborted', 'invalid', 'failed', 'passed']),
    exitCode: z.int(),
    reason: z.string().nullable(),
    startedAt: z.string().nullable(),
    endedAt: z.string(),
    durationMs: z.number(),
    bundle: z.string(),
    seed: z.int(),
    agents: z.array(
      z.strictObject({
        id: z.string(),
        node: z.string(),
        hostname: z.string(),
        pid: z.int(),
        version: z.string(),
        workers: z.int(),
        share: z.number(),
        state: z.enum(['ended', 'lost', 'failed']),
        clockOffsetMs: z.number().nullable(),
        clockBoundMs: z.number().nullable(),
      }),
    ),
    events: z.array(
      z.strictObject({
        at: z.string(),
        atMs: z.number(),
        kind: z.string(),
        generation: z.int().optional(),
        agent: z.string().optional(),
        text: z.string(),
      }),
    ),
  }),
  metrics: z.record(
    z.string(),
    z.strictObject({ type: MetricType, contains: z.enum(['default', 'time', 'data']), values: Values }),
  ),
  submetrics: z.record(
    z.string(),
    z.strictObject({
      metric: z.string(),
      tags: z.record(z.string(), z.string()),
      type: MetricType,
      contains: z.enum(['default', 'time', 'data']),
      values: Values,
    }),
  ),
  thresholds: z.array(
    z.strictObject({
      metric: z.string(),
      expression: z.string(),
      ok: z.boolean(),
      value: z.number().nullable(),
      abortOnFail: z.boolean(),
    }),
  ),
  checks: z.array(z.strictObject({ name: z.string(), group: z.string(), passes: z.int(), fails: z.int() })),
  errors: z.array(
    z.strictObject({
      code: z.string(),
      message: z.string(),
      count: z.int(),
      firstAtMs: z.number(),
      lastAtMs: z.number(),
      agents: z.array(z.string()),
      where: z.string().nullable(),
    }),
  ),
  coverage: z.strictObject({
    complete: z.boolean(),
    ratio: z.number(),
    started: z.int(),
    sent: z.int(),
    answered: z.int(),
    /** Requests sent whose answer is not known: `sent - answered`. */
    uncertain: z.int(),
    rows: z.strictObject({ measured: z.int(), stored: z.int(), thinned: z.int() }),
    gaps: z.array(
      z.strictObject({
        agent: z.string(),
        worker: z.int(),
        fromMs: z.number(),
        toMs: z.number(),
        why: z.string(),
        unknownSlots: z.int(),
      }),
    ),
    /** Of the scenarios with a schedule: planned = started + dropped + unknown. */
    slots: z
      .record(
        z.string(),
        z.strictObject({
          planned: z.int(),
          started: z.int(),
          dropped: z.record(z.string(), z.int()),
          unknown: z.int(),
        }),
      )
      .optional(),
  }),
});
export type Summary = z.infer<typeof Summary>;
