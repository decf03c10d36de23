import { EXIT } from '@muster/protocol';
import { type AskFlags, withBroker } from '../ask.js';
import type { Io } from '../io.js';

/** The broker's process, version and endpoints. */
export const pingCommand = (flags: AskFlags, io: Io): Promise<number> =>
  withBroker(flags, io, async (muster) => {
    const pong = await muster.ping();
    if (flags.json === true) {
      io.out(`${JSON.stringify(pong, null, 2)}\n`);
      return EXIT.passed;
    }
    io.out(`broker ${pong.version}, process ${pong.pid}, ${pong.agents} agents\n`);
    for (const [name, endpoint] of Object.entries(pong.endpoints)) io.out(`  ${name.padEnd(10)} ${endpoint}\n`);
    return EXIT.passed;
  });
