import type { AgentId } from '@muster/protocol';
import { makeAgentLogger } from './log.js';
import { type AgentOptions, type ResolvedAgentOptions, resolveAgentOptions } from './options/agent-options.js';
import { AgentShell } from './shell/agent-shell.js';
import type { SupervisorView } from './supervisor/supervisor.js';

/** A running agent. Disposing of it closes it. */
export interface Agent extends AsyncDisposable {
  readonly id: AgentId;
  readonly node: string;
  /** Where it is with its broker and its run. */
  readonly view: SupervisorView | null;
  /** Resolves when the agent has left. */
  readonly closed: Promise<void>;
  /**
   * Takes no further run, stops the one in progress gracefully, waits for its results to be taken (bounded), and leaves.
   * Called again while that goes on: kills the run and leaves at once.
   */
  close(): Promise<void>;
}

/**
 * Starts an agent in this process; its workers are processes of their own. Whether a broker answers is not waited for:
 * the agent looks for one as long as it lives.
 *
 * @throws MusterError `BAD_CONFIG`, `NOT_LOOPBACK`, `DATA_FOLDER_LOCKED`.
 */
export const startAgent = (options: AgentOptions = {}): Promise<Agent> => serveAgent(resolveAgentOptions(options));

/** The same with options that are resolved already. */
export const serveAgent = async (options: ResolvedAgentOptions): Promise<Agent> => {
  const log = makeAgentLogger(options.logLevel, options.node, options.logFile);
  const shell = await AgentShell.start(options, log);
  const { agent, node } = shell;
  log.info({ agent, broker: options.broker, workers: options.workers, data: options.data }, 'ready');
  const close = (): Promise<void> => {
    shell.quit();
    return shell.left;
  };
  return {
    id: agent,
    node,
    get view() {
      return shell.view;
    },
    closed: shell.left,
    close,
    [Symbol.asyncDispose]: close,
  };
};
