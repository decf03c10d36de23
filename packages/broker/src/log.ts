import { MusterError } from '@muster/protocol';
import { type Logger, pino } from 'pino';
import type { LogLevel } from './options/settings.js';

export type { Logger } from 'pino';

/** What can happen to any broker, and is said for each thing that it happens to. */
const PLAIN: ReadonlySet<string> = new Set(['DISK_FULL', 'STORE_FAILED', 'CLOSED']);

/** An error as it is logged: one that the machine is to blame for in its words alone, others with the place in our code. */
export const errorForLog = (thrown: unknown): unknown => {
  if (thrown instanceof MusterError && PLAIN.has(thrown.code)) return { code: thrown.code, message: thrown.message };
  return thrown instanceof Error ? pino.stdSerializers.err(thrown) : thrown;
};

/**
 * Lines of JSON on standard error, or where `to` says (`stdout`, `stderr`, a file), written before the call returns: no
 * transport, no thread, nothing lost at an exit.
 */
export const makeLogger = (level: LogLevel, to = 'stderr'): Logger =>
  pino(
    { level, base: { name: 'broker', pid: process.pid }, serializers: { err: errorForLog } },
    pino.destination({ dest: to === 'stderr' ? 2 : to === 'stdout' ? 1 : to, sync: true }),
  );
