import type { OriginalClient } from '@muster/client';
import { MusterError } from '@muster/protocol';
import { Totals } from './totals.js';
import type { RunFacts } from './totals-report.js';

/** More rows than this are not read again when some were missed: the counts are exact in any case. */
const READ_AGAIN = 1_000_000;

/**
 * The counts of the broker are the truth. When less was heard than it has, or `always`, the rows are read from it, if it
 * still has them; else its counts stand in.
 */
export const exactTotals = async (
  client: OriginalClient,
  run: string,
  heard: Totals,
  always: boolean,
): Promise<Totals> => {
  const counts = await client.getCounts(run);
  const short = Object.entries(counts).some(([kind, count]) => heard.count(kind) < count);
  if (!short && !always) return heard;
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const read = new Totals();
  if (total <= READ_AGAIN) {
    try {
      for await (const row of client.getData(run, { pageSize: 10_000 })) read.add(row);
    } catch (thrown) {
      // The original drops the rows of a run that is over, and says so with an error.
      if (MusterError.from(thrown).code !== 'BROKER_FAULT') throw thrown;
    }
  }
  const totals = read.rows >= heard.rows ? read : heard;
  Object.assign(totals.counts, counts);
  totals.rows = Math.max(totals.rows, total);
  return totals;
};

/** When a run began and how long it took, as its metadata says; else as it was followed. */
export const factsOf = async (
  client: OriginalClient,
  run: string,
  name: string,
  followedMs: number,
): Promise<RunFacts> => {
  const { started, ended } = await client.getMetadata(run);
  const known = typeof started === 'number';
  return {
    run,
    name,
    startedAt: known ? new Date(started * 1_000).toISOString() : null,
    durationMs: known && typeof ended === 'number' ? (ended - started) * 1_000 : followedMs,
  };
};
