import { type Logger, type LogLevel, makeLogger } from '@muster/daemon';
import { MusterError } from '@muster/protocol';
import { pino } from 'pino';

export type { Logger } from '@muster/daemon';

/** What can happen to any broker, and is said for each thing that it happens to. */
const PLAIN: ReadonlySet<string> = new Set(['DISK_FULL', 'STORE_FAILED', 'CLOSED']);

/** An error as it is logged: one that the machine is to blame for in its words alone, others with the place in our code. */
export const errorForLog = (thrown: unknown): unknown => {
  if (thrown instanceof MusterError && PLAIN.has(thrown.code)) return { code: thrown.code, message: thrown.message };
  return thrown instanceof Error ? pino.stdSerializers.err(thrown) : thrown;
};

/** The broker's log. */
export const makeBrokerLogger = (level: LogLevel, to: string): Logger =>
  makeLogger({ name: 'broker' }, level, to, { err: errorForLog });
