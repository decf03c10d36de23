import { type Logger, type LoggerOptions, pino } from 'pino';
import type { LogLevel } from './settings/setting.js';

export type { Logger } from 'pino';

/**
 * Lines of JSON on standard error, or where `to` says (`stdout`, `stderr`, a file), written before the call returns: no
 * transport, no thread, nothing lost at an exit. Each says who writes it.
 *
 * @param serializers how parts of a line are written, by their name
 */
export const makeLogger = (
  { name, ...more }: { readonly name: string; readonly [more: string]: string },
  level: LogLevel,
  to = 'stderr',
  serializers: NonNullable<LoggerOptions['serializers']> = {},
): Logger =>
  pino(
    { level, base: { name, pid: process.pid, ...more }, serializers },
    pino.destination({ dest: to === 'stderr' ? 2 : to === 'stdout' ? 1 : to, sync: true }),
  );
