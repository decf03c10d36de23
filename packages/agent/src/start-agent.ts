import { pino } from 'pino';
import { type AgentOptions, resolveAgentOptions } from './options.js';
import { AgentShell } from './shell/agent-shell.js';

/** A running agent. */
export interface Agent {
  readonly id: string;
  /** Resolves with the exit code when the agent has ended. */
  readonly closed: Promise<number>;
  /** Takes no further run, stops the one that goes on, and ends. */
  close(): Promise<void>;
}

/**
 * Starts an agent in this process; its workers are processes of their own.
 *
 * @throws MusterError `BAD_CONFIG`, `BAD_ENDPOINT`, `NOT_LOOPBACK`, `DATA_FOLDER_LOCKED`.
 */
export const startAgent = async (options: AgentOptions = {}): Promise<Agent> => {
  const resolved = resolveAgentOptions(options);
  const log = pino({ name: 'muster-agent', level: resolved.logLevel }, pino.destination({ dest: 2, sync: true }));
  const shell = new AgentShell(resolved, log);
  log.info({ agent: shell.id, broker: resolved.broker, workers: resolved.workers }, 'agent started');
  return { id: shell.id, closed: shell.closed, close: () => shell.close() };
};
