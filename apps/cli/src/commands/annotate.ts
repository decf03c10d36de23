import { EXIT } from '@muster/protocol';
import { type AskFlags, findRun, withBroker } from '../ask.js';
import type { Io } from '../io.js';

/** Writes a line into the history of a run that goes on. */
export const annotateCommand = (asked: string, text: string, flags: AskFlags, io: Io): Promise<number> =>
  withBroker(flags, io, async (muster) => {
    const run = await findRun(muster, asked);
    await muster.annotate(run, text);
    io.out(`noted in run ${run}\n`);
    return EXIT.passed;
  });
