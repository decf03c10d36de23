import { z } from 'zod';
import { BOUNDS } from '../bounds.js';
import { MusterError } from '../errors.js';
import { decodeOriginal, fitting } from './codec.js';

/** What an agent of the original says when it signs on: an object, or in the oldest generations its bare id. */
export const RegisterInfo = z.union([
  z.looseObject({
    agent_id: z.string().min(1).max(255).optional(),
    pid: z.union([z.int(), z.string().max(256)]),
    hostname: z.string().max(256).optional(),
  }),
  z.string().min(1).max(256),
  z.int(),
]);
export type RegisterInfo = z.infer<typeof RegisterInfo>;

/** An agent of the original, whatever generation signed it on. */
export interface SignedOn {
  readonly agent: string;
  readonly pid: number | string;
  readonly hostname: string | null;
}

/**
 * Reads the body of `REGISTER`. The oldest generations write the id as bare text, which need not be JSON.
 *
 * @throws MusterError `BAD_MESSAGE`, `MESSAGE_TOO_LARGE`
 */
export const readRegisterInfo = (body: Uint8Array): SignedOn => {
  const text = bareId(body);
  if (text !== null) return { agent: text, pid: text, hostname: null };
  const info = decodeOriginal(RegisterInfo, body);
  if (typeof info !== 'object') return { agent: String(info), pid: info, hostname: null };
  // Between the generations an agent was known by its process id alone.
  return { agent: info.agent_id ?? String(info.pid), pid: info.pid, hostname: info.hostname ?? null };
};

/** Reads the body of `UNREGISTER`, an agent id as bare text or as JSON. @throws MusterError like {@link readRegisterInfo} */
export const readUnregister = (body: Uint8Array): string => bareId(body) ?? readRegisterInfo(body).agent;

const BARE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,255}$/;
const bareId = (body: Uint8Array): string | null => {
  if (body.byteLength > BOUNDS.controlBytes)
    throw new MusterError('MESSAGE_TOO_LARGE', `a registration of ${body.byteLength} bytes`);
  const text = new TextDecoder().decode(body.subarray(0, 300));
  return BARE.test(text) ? text : null;
};

/** What the broker tells an agent of the original. */
export type ToOriginalAgent =
  | { readonly command: 'RUN'; readonly run_id: string; readonly args: object; readonly agents: number }
  | { readonly command: '_STATUS'; readonly run_id?: string }
  | { readonly command: 'STOP' }
  | { readonly command: 'QUIT'; readonly force?: boolean };

/** A worker: in some generations only its status. */
const WorkerStatus = z.union([
  z.string(),
  z.looseObject({ status: z.string(), run_id: z.string().nullable().optional() }),
]);
/** An agent's status: its workers by process id. */
export const AgentStatus = z.record(z.string(), WorkerStatus);
export type AgentStatus = z.infer<typeof AgentStatus>;

/** An agent works as long as one of its workers says so; an agent without workers does not. */
export const isWorking = (status: AgentStatus): boolean =>
  Object.values(status).some((worker) => (typeof worker === 'string' ? worker : worker.status) === 'running');

/** What an agent of the original answers. */
export const AgentAnswer = z.looseObject({
  result: z
    .looseObject({
      command: z.string().optional(),
      status: AgentStatus.optional(),
      pids: z.array(z.int()).optional(),
    })
    .optional(),
  /** Text, or an object with the agent's id and a text. */
  error: z.unknown().optional(),
  hostname: z.string().optional(),
  agent_id: z.string().optional(),
  pid: z.int().optional(),
});
export type AgentAnswer = z.infer<typeof AgentAnswer>;

/** Reads an answer; like the original, an error counts as the result. @throws MusterError `BAD_MESSAGE` */
export const readAgentAnswer = (payload: Uint8Array): AgentAnswer => {
  const plain = decodeOriginal(z.looseObject({ error: z.unknown().optional() }), payload);
  return fitting(AgentAnswer, plain);
};
