import { EXIT, MusterError } from '@muster/protocol';
import { type AskFlags, findRun, withBroker } from '../ask.js';
import type { Io } from '../io.js';
import { orOriginal, withOriginalRun } from '../original/original-runs.js';

/** Asks a run to stop; returns when the broker has taken it up. */
export const stopCommand = (
  asked: string,
  flags: AskFlags & { readonly reason: string; readonly force: boolean },
  io: Io,
): Promise<number> =>
  withBroker(flags, io, async (muster) => {
    const native = async (): Promise<string> => {
      const run = await muster.attach(await findRun(muster, asked));
      await run.stop({ reason: flags.reason, force: flags.force });
      return run.id;
    };
    const original = () =>
      withOriginalRun(muster, asked, async (client, { id, state }) => {
        if (state === 'finished') throw new MusterError('RUN_OVER', `run ${id} is finished`);
        await client.stopRun(id);
        return id;
      });
    io.out(`run ${await orOriginal(native, original)} is stopping\n`);
    return EXIT.passed;
  });
