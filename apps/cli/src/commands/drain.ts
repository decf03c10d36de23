import { EXIT } from '@muster/protocol';
import { type AskFlags, withBroker } from '../ask.js';
import type { Io } from '../io.js';

/** Tells an agent to take no more runs. */
export const drainCommand = (agent: string, flags: AskFlags, io: Io): Promise<number> =>
  withBroker(flags, io, async (muster) => {
    await muster.drain(agent);
    io.out(`agent ${agent} takes no more runs\n`);
    return EXIT.passed;
  });
