import { type Logger, pino } from 'pino';
import type { LogLevel } from './options/settings.js';

export type { Logger } from 'pino';

/** Lines of JSON on standard error, written before the call returns: no transport, no thread, nothing lost at an exit. */
export const makeLogger = (level: LogLevel, node: string | null): Logger =>
  pino(
    { level, base: { name: 'agent', pid: process.pid, ...(node === null ? {} : { node }) } },
    pino.destination({ dest: 2, sync: true }),
  );
