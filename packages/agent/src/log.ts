import { type Logger, type LogLevel, makeLogger } from '@muster/daemon';

export type { Logger } from '@muster/daemon';

/** The agent's log; each line says the node, where that is known. */
export const makeAgentLogger = (level: LogLevel, node: string | null, to: string): Logger =>
  makeLogger({ name: 'agent', ...(node === null ? {} : { node }) }, level, to);
