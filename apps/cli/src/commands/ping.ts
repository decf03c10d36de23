import type { OriginalClient } from '@muster/client';
import { EXIT } from '@muster/protocol';
import type { AskFlags } from '../ask.js';
import type { Io } from '../io.js';
import { connectAt, connectOriginalAt, withPlace } from '../place.js';

/** The broker's process, version and endpoints; of a broker of the original its agents and runs as well. */
export const pingCommand = (flags: AskFlags, io: Io): Promise<number> =>
  withPlace(flags, io, async (place) => {
    await using client = await connectOriginalAt(place);
    if (!client.native) return await pingOriginal(client, flags, io);
    await using muster = await connectAt(place);
    const pong = await muster.ping();
    if (flags.json === true) {
      io.out(`${JSON.stringify(pong, null, 2)}\n`);
      return EXIT.passed;
    }
    io.out(`broker ${pong.version}, process ${pong.pid}, ${pong.agents} agents\n`);
    for (const [name, endpoint] of Object.entries(pong.endpoints)) io.out(`  ${name.padEnd(10)} ${endpoint}\n`);
    return EXIT.passed;
  });

const pingOriginal = async (client: OriginalClient, flags: AskFlags, io: Io): Promise<number> => {
  const [pong, runs] = await Promise.all([client.ping(), client.listRuns()]);
  if (flags.json === true) {
    io.out(`${JSON.stringify({ ...pong, runs }, null, 2)}\n`);
    return EXIT.passed;
  }
  io.out(`broker of Loads, process ${pong.pid}, ${pong.agents.length} agents, ${runs.length} runs\n`);
  for (const [name, endpoint] of Object.entries(pong.endpoints)) io.out(`  ${name.padEnd(10)} ${endpoint}\n`);
  for (const { id, pid, hostname } of pong.agents)
    io.out(`  agent ${id}, process ${pid}${hostname === null ? '' : ` on ${hostname}`}\n`);
  for (const { run, agents } of runs) io.out(`  run ${run} on ${agents.length} agents\n`);
  return EXIT.passed;
};
