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
      try {
        return (await lines.question(question)).trim().toLowerCase();
      } finally {
        lines.close();
      }
    },
  };
};
