import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { MusterError } from '@muster/protocol';
import type { Output } from './output.js';

/** Every event and at the end the summary, as JSON, one a line. */
export const fileOutput = (path: string): Output => {
  const stream = createWriteStream(path);
  let failed: Error | null = null;
  stream.on('error', (error) => {
    failed = error;
  });
  const write = (line: object) => {
    stream.write(`${JSON.stringify(line)}\n`);
  };
  return {
    event: write,
    end: async ({ run, name, summary }) => {
      write({ kind: 'end', run, name, summary });
      stream.end();
      if (failed === null) await once(stream, 'close').catch(() => undefined);
      if (failed !== null) throw unwritten(path, failed);
    },
  };
};

/** A file of an output that can't be written. */
export const unwritten = (path: string, cause: Error): MusterError =>
  new MusterError(
    (cause as NodeJS.ErrnoException).code === 'ENOSPC' ? 'DISK_FULL' : 'BAD_CONFIG',
    `can't write ${path}: ${cause.message}`,
    { cause },
  );
