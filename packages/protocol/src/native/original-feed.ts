import { z } from 'zod';
import { BootId, Bytes, Int } from './common.js';
import { OriginalRunId } from './original-run.js';

/** What every message about a run of the original carries: numbers go up by one within a boot of the broker. */
const place = { run: OriginalRunId, boot: BootId, number: Int };

/** What native watchers of runs of the original hear on the events socket. */
export const OriginalFeed = z.discriminatedUnion('kind', [
  /** A message of the receiver, a row or a batch, as it came; rows without a run are this run's. */
  z.strictObject({ kind: z.literal('rows'), ...place, body: Bytes }),
  z.strictObject({ kind: z.literal('finished'), ...place }),
  /** What was subscribed before is in force. */
  z.strictObject({ kind: z.literal('live') }),
]);
export type OriginalFeed = z.infer<typeof OriginalFeed>;

/** Answer to `CTRL_SNAPSHOT`: counts that hold exactly the messages up to `number`. */
export const OriginalSnapshot = z.looseObject({
  run_id: z.string(),
  boot: BootId,
  /** Null: nothing of this run goes over the events socket, for it is a test of Muster's. */
  number: Int.nullable(),
  active: z.boolean(),
  counts: z.record(z.string(), z.number()),
  metadata: z.record(z.string(), z.unknown()),
});
export type OriginalSnapshot = z.infer<typeof OriginalSnapshot>;
