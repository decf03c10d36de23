import { type AskFlags, findRun, withBroker } from '../ask.js';
import { follow } from '../follow.js';
import type { Io } from '../io.js';

/** Follows a run that somebody started; the exit code is the run's own. */
export const attachCommand = (
  asked: string,
  flags: AskFlags & { readonly quiet: boolean; readonly summaryExport?: string },
  io: Io,
): Promise<number> =>
  withBroker(flags, io, async (muster) => {
    const run = await muster.attach(await findRun(muster, asked));
    return await follow(run, io, { quiet: flags.quiet, summaryExport: flags.summaryExport, mayDetach: true });
  });
