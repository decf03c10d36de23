import { z } from 'zod';

/** Names that earlier generations used for what the newest calls `CTRL_…` (or, with an `agent_id`, `CTRL_AGENT_…`). */
const OLDER: Readonly<Record<string, string>> = {
  RUN: 'CTRL_RUN',
  LISTRUNS: 'CTRL_LIST_RUNS',
  STOPRUN: 'CTRL_STOP_RUN',
  GET_DATA: 'CTRL_GET_DATA',
  GET_COUNTS: 'CTRL_GET_COUNTS',
  GET_URLS: 'CTRL_GET_URLS',
  GET_METADATA: 'CTRL_GET_METADATA',
};
const DIRECT = new Set(['STATUS', 'STOP', 'QUIT', 'RUN']);

/** A question of the original: `command` and whatever belongs to it. */
export const OriginalCommand = z.looseObject({ command: z.string().max(256) });
export type OriginalCommand = z.infer<typeof OriginalCommand>;

/** The newest name of a command, whatever generation asked. */
export const newestName = (question: OriginalCommand): string => {
  const { command } = question;
  if (question.agent_id !== undefined && DIRECT.has(command)) return `CTRL_AGENT_${command}`;
  return OLDER[command] ?? command;
};

export const RunCommand = z.looseObject({
  agents: z.int().nonnegative().default(1),
  args: z.record(z.string(), z.unknown()).default({}),
  filedata: z.string().optional(),
  async: z.boolean().optional(),
});
export const RunIdCommand = z.looseObject({ run_id: z.string() });
export const GetDataCommand = z.looseObject({
  run_id: z.string(),
  data_type: z.string().optional(),
  groupby: z.boolean().optional(),
  start: z.coerce.number().optional(),
  size: z.coerce.number().optional(),
});
export const AgentCommand = z.looseObject({ agent_id: z.string() });

/** What an agent of the original says when it signs on: an object, or in the oldest generations its bare id. */
export const RegisterInfo = z.union([
  z.looseObject({
    agent_id: z.string().optional(),
    pid: z.union([z.int(), z.string()]),
    hostname: z.string().optional(),
  }),
  z.string(),
  z.int(),
]);
export type RegisterInfo = z.infer<typeof RegisterInfo>;

/** An agent's status: its workers by process id. */
export const AgentStatus = z.record(
  z.string(),
  z.union([z.string(), z.looseObject({ status: z.string(), run_id: z.string().optional() })]),
);
/** What an agent of the original answers. */
export const AgentAnswer = z.looseObject({
  result: z.looseObject({ command: z.string().optional(), status: AgentStatus.optional() }).optional(),
  error: z.unknown().optional(),
  hostname: z.string().optional(),
  agent_id: z.string().optional(),
  pid: z.int().optional(),
});

/** A result row; a batch holds rows by type. */
export const ResultRow = z.looseObject({
  data_type: z.string(),
  run_id: z.string().optional(),
  agent_id: z.union([z.string(), z.int()]).optional(),
});
export const ResultBatch = z.looseObject({
  data_type: z.literal('batch'),
  agent_id: z.union([z.string(), z.int()]),
  run_id: z.string(),
  hostname: z.string().optional(),
  counts: z.record(z.string(), z.array(z.looseObject({}))),
});
export const RunFinished = z.strictObject({ data_type: z.literal('run-finished'), run_id: z.string() });

/** The broker's answer: a result, or an error as text or as a text with lines behind it. */
export const OriginalAnswer = z.union([
  z.looseObject({ result: z.unknown() }),
  z.looseObject({ error: z.union([z.string(), z.array(z.string())]) }),
]);
export type OriginalAnswer = z.infer<typeof OriginalAnswer>;
