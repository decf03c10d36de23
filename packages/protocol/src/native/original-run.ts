import { z } from 'zod';
import { BOUNDS } from '../bounds.js';
import { AgentAnswer } from '../original/agents.js';
import { RequestId } from './common.js';

/** The id of a run of the original: a UUID when a broker made it, another plain name when somebody else did. */
export const OriginalRunId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be the id of a run');
export type OriginalRunId = z.infer<typeof OriginalRunId>;

/** Start what the arguments name: an external program, or a test in the files that come along. */
export const OriginalRun = z.looseObject({
  command: z.literal('RUN'),
  /** Missing when a client asked this agent by name. */
  run_id: OriginalRunId.optional(),
  /** What the run's client gave: `hits`, `users`, `duration`, `test_runner`, `fqn` …, and `zmq_receiver`. */
  args: z.record(z.string(), z.unknown()),
  /** How many agents the run has. */
  agents: z.int().nonnegative().optional(),
  /** A zip of files, in base64. */
  filedata: z.string().max(BOUNDS.originalRunBytes).nullable().optional(),
});
/** What works there? With a run, only its workers are listed. */
export const OriginalStatus = z.looseObject({
  command: z.enum(['STATUS', '_STATUS']),
  run_id: OriginalRunId.optional(),
});
/** Terminate, 5 s later kill. Without a run every worker of the agent. */
export const OriginalStop = z.looseObject({ command: z.literal('STOP'), run_id: OriginalRunId.optional() });
/** End the agent; refused while it works unless `force`. */
export const OriginalQuit = z.looseObject({ command: z.literal('QUIT'), force: z.boolean().optional() });

/** A command of the original, with its fields, for an agent. Fields that nobody knows are let through. */
export const OriginalOrder = z.discriminatedUnion('command', [OriginalRun, OriginalStatus, OriginalStop, OriginalQuit]);
export type OriginalOrder = z.infer<typeof OriginalOrder>;

/**
 * Broker to agent: a command of the original, answered once by `original.reply` under the same id. A `RUN` with files is
 * as large as `BOUNDS.originalRunBytes`, so an agent's backend takes that much.
 */
export const Original = z.strictObject({ type: z.literal('original'), id: RequestId, message: OriginalOrder });
export type Original = z.infer<typeof Original>;

/**
 * Agent to broker: `result` with the same `command` and, for `RUN`, `pids`, else `status` by process id; or `error`.
 * A `QUIT` that is carried out is answered too, before the agent ends.
 */
export const OriginalReply = z.strictObject({
  type: z.literal('original.reply'),
  id: RequestId,
  message: AgentAnswer,
});
export type OriginalReply = z.infer<typeof OriginalReply>;
