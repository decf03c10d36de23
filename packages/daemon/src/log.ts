import { type Logger, type LoggerOptions, pino } from 'pino';
import { plainLine } from './plain-lines.js';
import type { LogLevel } from './settings/setting.js';

export type { Logger } from 'pino';

const PLAIN = { write: (json: string): void => void process.stderr.write(plainLine(json)) };

/**
 * Lines of JSON on standard error, or where `to` says (`stdout`, `stderr`, a file; `plain`: standard error, in lines for
 * people), written before the call returns: no transport, no thread, nothing lost at an exit. Each says who writes it.
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
    to === 'plain' ? PLAIN : pino.destination({ dest: to === 'stderr' ? 2 : to === 'stdout' ? 1 : to, sync: true }),
  );
