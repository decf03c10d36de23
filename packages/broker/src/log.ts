import { type Logger, pino } from 'pino';
import type { LogLevel } from './options/settings.js';

export type { Logger } from 'pino';

/**
 * Lines of JSON on standard error, or where `to` says (`stdout`, `stderr`, a file), written before the call returns: no
 * transport, no thread, nothing lost at an exit.
 */
export const makeLogger = (level: LogLevel, to = 'stderr'): Logger =>
  pino(
    { level, base: { name: 'broker', pid: process.pid } },
    pino.destination({ dest: to === 'stderr' ? 2 : to === 'stdout' ? 1 : to, sync: true }),
  );
