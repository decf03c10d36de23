import { EXIT, Summary } from '@muster/protocol';
import type { Store } from '../store/store.js';

/** How far back runs are looked at. */
const LOOK_AT = 1_000;

/**
 * Runs that the catalogue takes for unfinished and the journal does not know ended just as the last broker died: their
 * summary says how, and without one nobody will ever know more.
 *
 * @returns how many were put right
 */
export const repairCatalogue = async (store: Store, unfinished: ReadonlySet<string>): Promise<number> => {
  let repaired = 0;
  for (const { info, detail } of await store.runs(LOOK_AT)) {
    if (info.state === 'finished' || unfinished.has(info.id)) continue;
    const summary = Summary.safeParse((await store.summary(info.id))?.summary);
    const known = summary.success ? summary.data.run : null;
    await store.putRun({
      info: {
        ...info,
        state: 'finished',
        verdict: known?.verdict ?? 'errored',
        exitCode: known?.exitCode ?? EXIT.brokerLost,
        reason: known === null ? 'the broker was lost while the run went on' : known.reason,
        startedAt: known?.startedAt ?? info.startedAt,
        endedAt: known?.endedAt ?? info.endedAt,
      },
      detail,
    });
    repaired += 1;
  }
  return repaired;
};
