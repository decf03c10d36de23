import type { RunSpec, Step } from './run-spec.js';

/** Whom a process of a run works for. */
export interface LoadsIdentity {
  /** Where it pushes its rows, as JSON, one a message. */
  readonly receiver: string;
  readonly agent: string;
  readonly run: string;
}

/**
 * What a process of an external run finds in its environment: the original's names, and the server's URL when the run
 * has one. Users count from 1; by hits or by time, never both.
 */
export const loadsEnvironment = (
  { receiver, agent, run }: LoadsIdentity,
  { serverUrl }: RunSpec,
  step: Step,
  user: number,
): Readonly<Record<string, string>> => ({
  LOADS_ZMQ_RECEIVER: receiver,
  LOADS_AGENT_ID: agent,
  LOADS_RUN_ID: run,
  LOADS_TOTAL_USERS: String(step.users),
  LOADS_CURRENT_USER: String(user),
  ...(step.durationS === null
    ? { LOADS_TOTAL_HITS: String(step.hits ?? 1) }
    : { LOADS_DURATION: String(step.durationS) }),
  ...(serverUrl === null ? {} : { LOADS_SERVER_URL: serverUrl }),
});
