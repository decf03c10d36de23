import { EXIT } from '@muster/protocol';
import type { Io } from '../io.js';
import { startOwnCluster } from '../own-cluster.js';

/** A cluster in the foreground, until Ctrl-C. */
export const upCommand = async (
  flags: { readonly agents: number; readonly workers?: number; readonly frontend: string; readonly data: string },
  io: Io,
): Promise<number> => {
  await using cluster = await startOwnCluster({ ...flags, workers: flags.workers, logLevel: 'info' }, io);
  const more = cluster.endpoint === 'tcp://127.0.0.1:7780' ? '' : ` --broker ${cluster.endpoint}`;
  io.out(
    `broker on ${cluster.endpoint} with ${flags.agents} agent${flags.agents === 1 ? '' : 's'}; Ctrl-C stops them\n`,
  );
  io.out(
    `run a test on it:  muster run test.ts --broker ${cluster.endpoint}\nask it:            muster agents${more}\n`,
  );
  await new Promise<void>((done) => {
    const off = io.onInterrupt(() => {
      off();
      done();
    });
  });
  io.out('stopping\n');
  return EXIT.passed;
};
