import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleFile } from '@muster/bundle';
import type { OriginalClient } from '@muster/client';
import { EXIT, MusterError } from '@muster/protocol';
import type { AskFlags } from '../ask.js';
import type { Io } from '../io.js';
import { followOriginal } from '../original/follow-original.js';
import { startWatch } from '../original/watch.js';
import { connectAt, connectOriginalAt, withPlace } from '../place.js';

/** Each agent gets a user, and each user counts one. */
const HEALTH = `import { Counter } from '@muster/script';
const health = new Counter('health');
export default () => { health.add(1); };
`;
/** What the original's own check runs. */
const ORIGINAL_HEALTH = 'loads.examples.test_blog.TestWebSite.test_health';

/** Runs a test that only counts on every free agent: it shows that all of the cluster works, and loads nothing. */
export const checkClusterCommand = (flags: AskFlags, io: Io): Promise<number> =>
  withPlace(flags, io, async (place) => {
    await using client = await connectOriginalAt(place);
    if (!client.native) return await checkOriginal(client, io);
    await using muster = await connectAt(place);
    const free = (await muster.agents()).filter(({ state }) => state === 'free').length;
    if (free === 0) throw new MusterError('NOT_ENOUGH_AGENTS', 'no agent is free');
    const folder = await mkdtemp(join(tmpdir(), 'muster-health-'));
    try {
      const file = join(folder, 'health.ts');
      await writeFile(file, HEALTH);
      const options = { scenarios: { health: { executor: 'per-vu-iterations', vus: free, iterations: 1 } } };
      const run = await muster.submit({ bundle: await bundleFile(file), options, agents: free });
      const { metrics, run: end } = await run.summary();
      const counted = metrics.health?.values.count ?? 0;
      io.out(`${counted} of ${free} free agents counted: ${end.verdict}\n`);
      return end.exitCode === EXIT.passed && counted !== free ? EXIT.agentsLost : end.exitCode;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

const checkOriginal = async (client: OriginalClient, io: Io): Promise<number> => {
  const busy = new Set((await client.listRuns()).flatMap(({ agents }) => agents.map(({ agent }) => agent)));
  const free = (await client.list()).filter(({ id }) => !busy.has(id)).length;
  if (free === 0) throw new MusterError('NOT_ENOUGH_AGENTS', 'no agent is free');
  await using watch = await startWatch(client, null);
  const { run } = await client.run({ agents: free, fqn: ORIGINAL_HEALTH });
  return await followOriginal(client, io, {
    run,
    name: 'health',
    quiet: false,
    outputs: [],
    mayDetach: true,
    watch,
    attached: false,
  });
};
