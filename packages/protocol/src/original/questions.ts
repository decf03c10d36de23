import { z } from 'zod';
import { BOUNDS } from '../bounds.js';
import { MusterError } from '../errors.js';
import { VersionRange } from '../native/common.js';
import { OriginalRunId } from '../native/original-run.js';
import { decodeOriginal, fitting } from './codec.js';
import { newestName } from './names.js';

/** A question of the original: `command` and whatever belongs to it. Fields that nobody knows are let through. */
export const OriginalCommand = z.looseObject({ command: z.string().max(256), agent_id: z.unknown().optional() });
export type OriginalCommand = z.infer<typeof OriginalCommand>;

/** The oldest generation's agent ids are bare process ids. */
const OriginalAgentId = z.union([z.string().min(1).max(256), z.int()]).transform(String);
/** Programs of the original send numbers as text too. */
const Count = z
  .union([z.int().nonnegative(), z.string().regex(/^\d{1,15}$/, 'must be a number')])
  .transform((value) => Number(value));

export const RunCommand = z.looseObject({
  agents: z.int().positive(),
  args: z.record(z.string(), z.unknown()),
  /** A zip of files that the test needs, in base64. */
  filedata: z.string().nullable().optional(),
  /** Read by nobody, as in the original. */
  async: z.unknown().optional(),
});
export type RunCommand = z.infer<typeof RunCommand>;
export const RunIdCommand = z.looseObject({ run_id: OriginalRunId });
export type RunIdCommand = z.infer<typeof RunIdCommand>;
export const GetDataCommand = z.looseObject({
  run_id: OriginalRunId,
  data_type: z.string().max(256).nullable().optional(),
  /** Count equal rows in place of listing them. */
  groupby: z.boolean().nullable().optional(),
  start: Count.nullable().optional(),
  size: Count.nullable().optional(),
});
export type GetDataCommand = z.infer<typeof GetDataCommand>;
export const GetErrorsCommand = GetDataCommand.pick({ run_id: true, start: true, size: true });
export type GetErrorsCommand = z.infer<typeof GetErrorsCommand>;
export const UpdateMetadataCommand = z.looseObject({
  run_id: OriginalRunId,
  /** Replace those of the same name. */
  fields: z.record(z.string(), z.unknown()),
});
export type UpdateMetadataCommand = z.infer<typeof UpdateMetadataCommand>;
export const AgentCommand = z.looseObject({ agent_id: OriginalAgentId });
export type AgentCommand = z.infer<typeof AgentCommand>;
/** `native` is what tells a native peer's first question from one of the original. */
export const PingCommand = z.looseObject({ native: VersionRange.optional() });
export type PingCommand = z.infer<typeof PingCommand>;

const QUESTIONS = {
  PING: PingCommand,
  LIST: z.looseObject({}),
  CTRL_RUN: RunCommand,
  CTRL_LIST_RUNS: z.looseObject({}),
  CTRL_STOP_RUN: RunIdCommand,
  CTRL_GET_DATA: GetDataCommand,
  CTRL_GET_COUNTS: RunIdCommand,
  CTRL_GET_URLS: RunIdCommand,
  CTRL_GET_METADATA: RunIdCommand,
  // What follows the original had in its database only, and no client could ask for it.
  CTRL_GET_ERRORS: GetErrorsCommand,
  CTRL_GET_RUNS: z.looseObject({}),
  CTRL_UPDATE_METADATA: UpdateMetadataCommand,
  CTRL_DELETE_RUN: RunIdCommand,
  // Where a run stands, and from which message of the events socket on its rows are not counted yet.
  CTRL_SNAPSHOT: RunIdCommand,
  CTRL_AGENT_STATUS: AgentCommand,
  CTRL_AGENT_STOP: AgentCommand,
  CTRL_AGENT_QUIT: AgentCommand,
  CTRL_AGENT_RUN: AgentCommand,
} as const;

/** The newest names of all commands of the original. */
export type OriginalName = keyof typeof QUESTIONS;
/** A question that has been read: its newest name, and the fields that belong to it. */
export type OriginalQuestion = {
  [N in OriginalName]: { readonly name: N; readonly fields: z.infer<(typeof QUESTIONS)[N]> };
}[OriginalName];

/** Only these may be as large as files make them. */
const WITH_FILES: ReadonlySet<string> = new Set(['CTRL_RUN', 'CTRL_AGENT_RUN']);

const isName = (name: string): name is OriginalName => Object.hasOwn(QUESTIONS, name);

/**
 * Reads a question of any generation.
 *
 * @throws MusterError `BAD_MESSAGE` (message `INVALID_JSON` for what does not parse), `MESSAGE_TOO_LARGE`, or
 * `UNKNOWN_COMMAND` with the command as it was written
 */
export const readQuestion = (bytes: Uint8Array, maxBytes: number = BOUNDS.originalRunBytes): OriginalQuestion => {
  const plain = decodeOriginal(OriginalCommand, bytes, maxBytes);
  const name = newestName(plain);
  if (bytes.byteLength > BOUNDS.controlBytes && !WITH_FILES.has(name))
    throw new MusterError('MESSAGE_TOO_LARGE', `a message of ${bytes.byteLength} bytes is over ${BOUNDS.controlBytes}`);
  if (!isName(name)) throw new MusterError('UNKNOWN_COMMAND', `unknown command ${plain.command}`);
  return { name, fields: fitting(QUESTIONS[name], plain) } as OriginalQuestion;
};
