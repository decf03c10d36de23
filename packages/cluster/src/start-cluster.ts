import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@muster/client';
import { MusterError } from '@muster/protocol';
import { agentProgram, brokerProgram } from './programs.js';
import { type ServedProcess, startProcess } from './served-process.js';

/** What a cluster is made of. */
export interface ClusterOptions {
  /** @default 1 */
  readonly agents?: number;
  /** Worker processes per agent. @default 1 */
  readonly workers?: number;
  /** Kept when given; else a temporary folder that `stop` removes. */
  readonly data?: string;
  /** More flags for every broker or agent, as on the command line. */
  readonly brokerFlags?: readonly string[];
  readonly agentFlags?: readonly string[];
  /** How long everything may take to be up. @default 30_000 */
  readonly timeoutMs?: number;
}

/** A running cluster. Disposing of it stops it. */
export interface Cluster extends AsyncDisposable {
  /** The broker's frontend: what `connect` and `--broker` take. */
  readonly endpoint: string;
  readonly data: string;
  /** Process ids of the agents, by index. */
  readonly agentPids: readonly number[];
  /** Asks all to end, then makes them. */
  stop(): Promise<void>;
  /** Kills an agent (SIGKILL), its workers end by themselves. */
  killAgent(index: number): Promise<void>;
  /** Freezes an agent (SIGSTOP) or lets it go on (SIGCONT). */
  pauseAgent(index: number): void;
  resumeAgent(index: number): void;
  /** Starts one more agent, or a killed one again in the same folder. */
  startAgent(index?: number): Promise<number>;
  killBroker(): Promise<void>;
  /** Starts the broker again in the same folder, so on the same ports. */
  restartBroker(): Promise<void>;
  /** What all processes have said so far, for a test that failed. */
  logs(): string;
}

const READY_LINE = /"?frontend"?[:=]\s*"?(tcp:\/\/[^\s",}]+)/;

/**
 * Starts a broker and agents as processes of their own, on loopback ports that the system chooses.
 *
 * @throws MusterError `TIMEOUT` with the processes' logs when they are not up in time.
 */
export const startCluster = async (options: ClusterOptions = {}): Promise<Cluster> => {
  const timeoutMs = options.timeoutMs ?? 30_000;
  const data = options.data ?? (await mkdtemp(join(tmpdir(), 'muster-cluster-')));
  const agents: ServedProcess[] = [];
  const ended: ServedProcess[] = [];
  const brokerArgv = ['--data', join(data, 'broker'), ...(options.brokerFlags ?? [])];
  const startBroker = (frontend: string) =>
    startProcess('broker', brokerProgram(), ['--frontend', frontend, ...brokerArgv]);

  let broker = startBroker('tcp://127.0.0.1:*');
  const logs = () => [...ended, broker, ...agents].map((each) => each.log()).join('\n');
  const inTime = async <T>(what: string, promise: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new MusterError('TIMEOUT', `${what} took more than ${timeoutMs} ms\n${logs()}`)),
        timeoutMs,
      );
    });
    return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
  };

  const endpoint = await inTime('starting the broker', broker.said(READY_LINE));
  const agentArgv = (index: number) => [
    '--broker',
    endpoint,
    '--node',
    `agent-${index}`,
    '--data',
    join(data, `agent-${index}`),
    '--workers',
    String(options.workers ?? 1),
    ...(options.agentFlags ?? []),
  ];
  const startAgent = async (index = agents.length): Promise<number> => {
    const old = agents[index];
    if (old !== undefined) ended.push(old);
    agents[index] = startProcess(`agent-${index}`, agentProgram(), agentArgv(index));
    return index;
  };
  const allSignedOn = async () => {
    await using muster = await connect(endpoint, { timeoutMs });
    await muster.waitForAgents(agents.length, { timeoutMs });
  };
  const agentAt = (index: number): ServedProcess => {
    const agent = agents[index];
    if (agent === undefined)
      throw new MusterError('AGENT_UNKNOWN', `this cluster has no agent ${index}`, { hint: `it has ${agents.length}` });
    return agent;
  };
  const stop = async () => {
    await Promise.all(agents.map((agent) => agent.end()));
    await broker.end();
    if (options.data === undefined) await rm(data, { recursive: true, force: true });
  };

  try {
    for (let index = 0; index < (options.agents ?? 1); index += 1) await startAgent(index);
    await inTime('starting the agents', allSignedOn());
  } catch (thrown) {
    await stop();
    throw thrown;
  }

  return {
    endpoint,
    data,
    get agentPids() {
      return agents.map((agent) => agent.pid);
    },
    stop,
    killAgent: (index) => agentAt(index).kill(),
    pauseAgent: (index) => agentAt(index).signal('SIGSTOP'),
    resumeAgent: (index) => agentAt(index).signal('SIGCONT'),
    startAgent,
    killBroker: () => broker.kill(),
    restartBroker: async () => {
      ended.push(broker);
      broker = startBroker(endpoint);
      await inTime('restarting the broker', broker.said(READY_LINE));
    },
    logs,
    [Symbol.asyncDispose]: stop,
  };
};
