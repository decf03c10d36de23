import { resolve } from 'node:path';
import { startAgent } from '@muster/agent';
import { observersInEnvironment, startBroker } from '@muster/broker';
import type { Io } from './io.js';
import { inFreeFolder } from './result-folders.js';

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
  /** Where another cluster has the data folder: a numbered one inside it. @default false */
  readonly mayMove?: boolean;
}

/** How long its agents may take to sign on. */
export const SIGN_ON_MS = 20_000;

/** The cluster of one `muster run` that named none: on free ports, and quiet. */
export const startRunCluster = (
  agents: number,
  { workers, data }: { readonly workers?: number; readonly data: string },
  io: Io,
): Promise<OwnCluster> =>
  startOwnCluster({ agents, workers, data, frontend: 'tcp://127.0.0.1:*', logLevel: 'error', mayMove: true }, io);

/** Starts the same broker and agents that others install, on loopback. */
export const startOwnCluster = async (options: OwnClusterOptions, io: Io): Promise<OwnCluster> => {
  // Logins of observers stand in the environment here: there is no configuration of a broker's own.
  const observers = observersInEnvironment(io.env);
  const start = async (data: string) => {
    const { frontend, logLevel } = options;
    return {
      data,
      broker: await startBroker({ data, frontend, keepPorts: false, logLevel, logfile: 'plain', observers }),
    };
  };
  const asked = resolve(io.cwd, options.data);
  const { data, broker } = options.mayMove === true ? await inFreeFolder(asked, start) : await start(asked);
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
          logFile: 'plain',
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
