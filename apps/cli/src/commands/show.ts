import { EXIT, MusterError } from '@muster/protocol';
import { type AskFlags, findRun, withResults } from '../ask.js';
import type { Io } from '../io.js';
import { summaryText } from '../view/summary.js';

/** The summary of a finished run; where a run stands that is not finished. */
export const showCommand = (asked: string, flags: AskFlags & { readonly data: string }, io: Io): Promise<number> =>
  withResults(flags, io, async (muster) => {
    const { run, summary } = await muster.show(await findRun(muster, asked));
    if (summary === null) {
      if (flags.json === true)
        throw new MusterError('RUN_UNKNOWN', `run ${run.id} is ${run.state}: it has no summary yet`);
      io.out(`run ${run.id} (${run.name}) is ${run.state}\n`);
      return EXIT.passed;
    }
    io.out(flags.json === true ? `${JSON.stringify(summary, null, 2)}\n` : `${summaryText(summary, io.colors)}\n`);
    return EXIT.passed;
  });
