import { EXIT, MusterError } from '@muster/protocol';
import { type AskFlags, withBroker } from '../ask.js';
import type { Io } from '../io.js';

/** Tells an agent to take no more runs; it is named by its id, or by its node where that has one agent only. */
export const drainCommand = (asked: string, flags: AskFlags, io: Io): Promise<number> =>
  withBroker(flags, io, async (muster) => {
    const agents = (await muster.agents()).filter(
      ({ id, node, state }) => id === asked || (node === asked && state !== 'lost'),
    );
    const [only, ...others] = agents;
    if (only === undefined || others.length > 0)
      throw new MusterError(
        'AGENT_UNKNOWN',
        only === undefined ? `there is no agent ${asked}` : `${agents.length} agents are called ${asked}`,
        { hint: '`muster agents` lists them' },
      );
    await muster.drain(only.id);
    io.out(`agent ${only.id} takes no more runs\n`);
    return EXIT.passed;
  });
