import { resolve } from 'node:path';
import { startAgent } from '@muster/agent';
import { startBroker } from '@muster/broker';
import type { Io } from './io.js';

/** A broker and agents inside this process; only the workers are processes of their own. */
export interface OwnCluster extends AsyncDisposable {
  readonly endpoint: string;
}

export interface OwnClusterOptions {
  readonly agents: number;
  readonly workers: number | undefined;
  readonly data: string;
  readonly frontend: string;
  readonly logLevel: string;
}

/** Starts the same broker and agents that others install, on loopback. */
export const startOwnCluster = async (options: OwnClusterOptions, io: Io): Promise<OwnCluster> => {
  const data = resolve(io.cwd, options.data);
  const broker = await startBroker({ data, frontend: options.frontend, keepPorts: false, logLevel: options.logLevel });
  const agents: Awaited<ReturnType<typeof startAgent>>[] = [];
  const close = async () => {
    await Promise.all(agents.map((agent) => agent.close()));
    await broker.close();
  };
  try {
    for (let n = 1; n <= options.agents; n += 1) {
      agents.push(
        await startAgent({
          broker: broker.endpoints.frontend,
          node: `local-${n}`,
          data: resolve(data, 'agents', `local-${n}`),
          logLevel: options.logLevel,
          ...(options.workers === undefined ? {} : { workers: options.workers }),
        }),
      );
    }
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return { endpoint: broker.endpoints.frontend, [Symbol.asyncDispose]: close };
};
