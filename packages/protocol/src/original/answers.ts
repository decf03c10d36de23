import { z } from 'zod';
import { VersionRange } from '../native/common.js';

/** The broker's answer: a result, or an error as text or as a text with lines behind it. */
export const OriginalAnswer = z.union([
  z.looseObject({ result: z.unknown() }),
  z.looseObject({ error: z.union([z.string(), z.array(z.string())]) }),
]);
export type OriginalAnswer = z.infer<typeof OriginalAnswer>;

/** An agent in the answers to `PING` and `LIST`; its process id is text when the original took it from a result. */
export const OriginalAgent = z.looseObject({
  pid: z.union([z.int(), z.string()]),
  hostname: z.string().optional(),
  agent_id: z.string().optional(),
});
export type OriginalAgent = z.infer<typeof OriginalAgent>;

/** Agents by id; in the oldest generations a list of ids. */
export const ListResult = z.union([z.record(z.string(), OriginalAgent), z.array(z.union([z.string(), z.int()]))]);
export type ListResult = z.infer<typeof ListResult>;

/** `native` is there when a broker of ours answers. */
export const OriginalPingResult = z.looseObject({
  pid: z.int(),
  endpoints: z.record(z.string(), z.string()),
  agents: ListResult,
  native: VersionRange.optional(),
  version: z.string().optional(),
});
export type OriginalPingResult = z.infer<typeof OriginalPingResult>;

export const RunResult = z.looseObject({ agents: z.array(z.string()), run_id: z.string() });
export type RunResult = z.infer<typeof RunResult>;
/** By run, its agents and when each began, in seconds since 1970. */
export const ListRunsResult = z.record(z.string(), z.array(z.tuple([z.string(), z.number()])));
export type ListRunsResult = z.infer<typeof ListRunsResult>;
/** Agents that were told to stop. */
export const StopRunResult = z.array(z.string());
/** How often each kind of result came, or each URL; a counter of a test of ours may hold fractions. */
export const CountsResult = z.record(z.string(), z.number());
/** `args` of the run, and what the broker noted: `started`, `active`, `stopped`, `ended`. */
export const MetadataResult = z.looseObject({
  started: z.number().optional(),
  active: z.boolean().optional(),
  stopped: z.boolean().optional(),
  ended: z.number().optional(),
});
/** The error to `CTRL_RUN` when fewer agents are free than asked for. */
export const NOT_ENOUGH_AGENTS = 'Not enough agents';

/** An error as the original's clients print it: the text, without our code in front. */
export const originalError = (message: string): { readonly error: string } => ({
  error: message.replace(/^\[[A-Z_]+\] /, ''),
});
