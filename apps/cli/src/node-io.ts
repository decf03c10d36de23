import { createInterface } from 'node:readline/promises';
import colors from 'picocolors';
import type { Io } from './io.js';

/** The real terminal, environment and signals. */
export const nodeIo = (): Io => {
  const terminal = process.stdout.isTTY === true && process.env.TERM !== 'dumb' && process.env.CI === undefined;
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    terminal,
    columns: () => process.stdout.columns ?? 80,
    env: process.env,
    cwd: process.cwd(),
    colors: colors.createColors(process.stdout.isTTY === true && process.env.NO_COLOR === undefined),
    onInterrupt: (listener) => {
      process.on('SIGINT', listener);
      process.on('SIGTERM', listener);
      return () => {
        process.off('SIGINT', listener);
        process.off('SIGTERM', listener);
      };
    },
    ask: async (question) => {
      const lines = createInterface({ input: process.stdin, output: process.stdout });
      // A terminal that is read by lines hands Ctrl-C to its reader; it is meant for those who listen to the signal.
      lines.on('SIGINT', () => process.emit('SIGINT'));
      // Where nobody can answer, nobody does.
      const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
      try {
        return (await Promise.race([lines.question(question), closed])).trim().toLowerCase();
      } finally {
        lines.close();
      }
    },
  };
};
