import { createInterface } from 'node:readline/promises';
import colors from 'picocolors';
import type { Io } from './io.js';

/**
 * Writes while somebody reads. When the reader has gone (`muster run … | head`) or the disk is full, what is said is lost
 * and what the command does is not: a run goes on to its verdict.
 */
const writerTo = (stream: NodeJS.WriteStream): ((text: string) => void) => {
  stream.on('error', () => undefined);
  return (text) => {
    stream.write(text);
  };
};

/** The real terminal, environment and signals. */
export const nodeIo = (): Io => {
  // Nothing can be drawn on a terminal that nobody gave a size.
  const terminal =
    process.stdout.isTTY === true &&
    process.stdout.rows !== 0 &&
    process.stdout.columns !== 0 &&
    process.env.TERM !== 'dumb' &&
    process.env.CI === undefined;
  return {
    out: writerTo(process.stdout),
    err: writerTo(process.stderr),
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
