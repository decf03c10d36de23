import { EXIT } from '@muster/protocol';
import { type AskFlags, findRun, withBroker } from '../ask.js';
import type { Io } from '../io.js';

/** Asks a run to stop; returns when the broker has taken it up. */
export const stopCommand = (
  asked: string,
  flags: AskFlags & { readonly reason: string; readonly force: boolean },
  io: Io,
): Promise<number> =>
  withBroker(flags, io, async (muster) => {
    const run = await muster.attach(await findRun(muster, asked));
    await run.stop({ reason: flags.reason, force: flags.force });
    io.out(`run ${run.id} is stopping\n`);
    return EXIT.passed;
  });
