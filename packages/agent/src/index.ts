/**
 * The agent: a supervisor core without I/O, and around it the shell with its sockets, worker processes and the outbox.
 * Stands between the broker, which says what is to be done, and the workers, which do it.
 *
 * @packageDocumentation
 */
export { type Inspection, inspectBundle, type ScenarioShape } from './inspect-bundle.js';
export type { AgentOptions } from './options/agent-options.js';
export { runAgent } from './run-agent.js';
export { type Agent, startAgent } from './start-agent.js';
export type { Effect } from './supervisor/effect.js';
export type { SupervisorEvent } from './supervisor/event.js';
export type { Outcome, RunState } from './supervisor/run-state.js';
export { Supervisor, type SupervisorView } from './supervisor/supervisor.js';
export {
  type AgentIdentity,
  DEFAULT_LIMITS,
  type Saved,
  type SavedStream,
  type SupervisorConfig,
  type SupervisorLimits,
  supervisorConfig,
} from './supervisor/supervisor-config.js';
export type { WorkerExit } from './worker-host/worker-exit.js';
