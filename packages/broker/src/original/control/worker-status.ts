import { type AgentAnswer, AgentStatus } from '@muster/protocol';

/** An agent's workers as it tells them; null when its answer has none. */
export const statusOf = (answer: AgentAnswer): AgentStatus | null => {
  const checked = AgentStatus.safeParse(answer.result?.status);
  return checked.success ? checked.data : null;
};

/**
 * Whether none of an agent's workers runs for this run (null: for any). A worker without a run counts for each: in the
 * older generations a status is only a text.
 */
export const endsWork = (status: AgentStatus, run: string | null): boolean =>
  !Object.values(status).some((worker) => {
    if (typeof worker === 'string') return worker === 'running';
    const isOurs = run === null || worker.run_id === undefined || worker.run_id === null || worker.run_id === run;
    return worker.status === 'running' && isOurs;
  });
