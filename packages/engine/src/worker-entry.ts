import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The built entry of a worker process, for `child_process.fork`. */
export const workerEntry = (): string =>
  join(dirname(createRequire(import.meta.url).resolve('@muster/engine/package.json')), 'dist', 'worker', 'main.js');
