import { TIMES } from '@muster/protocol';
import { z } from 'zod';

const ms = (otherwise: number) => z.number().nonnegative().finite().catch(otherwise);
const Read = z.looseObject({
  setupTimeoutMs: ms(TIMES.setupMs),
  teardownTimeoutMs: ms(TIMES.teardownMs),
  handleSummaryTimeoutMs: ms(120_000),
  scenarios: z.array(z.looseObject({ gracefulStopMs: ms(TIMES.gracefulStopMs) })).catch([]),
});

/** What the supervisor itself needs of a run's options; the workers read the rest. */
export interface RunTimes {
  readonly setupMs: number;
  readonly teardownMs: number;
  readonly summaryMs: number;
  /** Longest graceful stop of a scenario. */
  readonly gracefulStopMs: number;
}

/** Reads them from the resolved options of plan 0; what is missing takes its default. */
export const readRunTimes = (options: unknown): RunTimes => {
  const read = Read.safeParse(options ?? {});
  const found = read.success ? read.data : Read.parse({});
  return {
    setupMs: found.setupTimeoutMs,
    teardownMs: found.teardownTimeoutMs,
    summaryMs: found.handleSummaryTimeoutMs,
    gracefulStopMs: Math.max(0, ...found.scenarios.map((scenario) => scenario.gracefulStopMs)),
  };
};
