import { EXIT } from '@muster/protocol';
import type { AskFlags } from '../ask.js';
import type { Io } from '../io.js';
import { connectAt, connectOriginalAt, withPlace } from '../place.js';

/** Stops every active run, of either kind. */
export const purgeCommand = (flags: AskFlags, io: Io): Promise<number> =>
  withPlace(flags, io, async (place) => {
    await using client = await connectOriginalAt(place);
    const stopped = new Set(await client.purge());
    if (client.native) {
      await using muster = await connectAt(place);
      const active = (await muster.runs({ limit: 10_000 })).filter(({ state }) => state !== 'finished');
      for (const { id } of active) {
        if (stopped.has(id)) continue;
        const run = await muster.attach(id);
        await run.stop({ reason: 'purged by the user', force: true });
        stopped.add(id);
      }
    }
    for (const run of stopped) io.out(`run ${run} is stopping\n`);
    if (stopped.size === 0) io.out('no run is active\n');
    return EXIT.passed;
  });
