import { EXIT } from '@muster/protocol';
import { type AskFlags, withBroker } from '../ask.js';
import type { Io } from '../io.js';
import { bytes, duration, trim } from '../view/format.js';
import { table } from '../view/table.js';

/** Every agent that the broker knows. */
export const agentsCommand = (flags: AskFlags, io: Io): Promise<number> =>
  withBroker(flags, io, async (muster) => {
    const agents = await muster.agents();
    if (flags.json === true) io.out(`${JSON.stringify(agents, null, 2)}\n`);
    else if (agents.length === 0) io.out('no agents; start one with `muster agent --broker ENDPOINT`\n');
    else {
      io.out(
        table(
          ['AGENT', 'HOST', 'STATE', 'WORKERS', 'VUS', 'CPU', 'MEMORY', 'LAG', 'CLOCK', 'RUN'],
          agents.map((each) => [
            each.id,
            each.hostname,
            each.state,
            String(each.workers),
            String(each.vus),
            trim(each.cpu),
            bytes(each.rssBytes),
            duration(each.lagMs),
            each.clockOffsetMs === null ? '-' : `${trim(each.clockOffsetMs)} ± ${trim(each.clockBoundMs ?? 0)} ms`,
            each.run ?? '-',
          ]),
        ),
      );
    }
    return EXIT.passed;
  });
