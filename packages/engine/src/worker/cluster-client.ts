import type { GivenBlock } from '../executors/scenario-host.js';
import type { ClusterPorts } from '../runtime/cluster-primitives.js';
import { plainData } from '../runtime/plain-data.js';
import type { Channel } from './channel.js';

/** Asks the cluster by way of the supervisor, which checks what the broker answers. */
export const clusterClient = (channel: Channel): ClusterPorts => ({
  once: async (name, make) => {
    const got = (await channel.ask({ type: 'once.get', name })) as {
      readonly compute: boolean;
      readonly value?: unknown;
    };
    if (!got.compute) return got.value;
    try {
      const value = plainData(await make());
      await channel.ask({ type: 'once.put', name, value });
      return value;
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      await channel.ask({
        type: 'once.put',
        name,
        error: { code: 'SCRIPT_EXCEPTION', message },
      });
      throw thrown;
    }
  },
  barrier: (name) =>
    channel.ask({ type: 'barrier', name }) as Promise<{
      readonly arrived: number;
      readonly lost: number;
    }>,
  claim: (name, mode, count, confirmed) =>
    channel.ask({
      type: 'claim',
      name,
      mode,
      count,
      confirmed,
    }) as Promise<GivenBlock>,
});
