import { MusterError } from '@muster/protocol';

/** Between two tries. */
const AGAIN_MS = 1_000;

/**
 * Does something that must be done, however long the disk fails: tries again each second.
 *
 * @throws MusterError `CLOSED` when the store is closed meanwhile.
 */
export const untilDone = async <T>(work: () => Promise<T>, failed: (thrown: unknown) => void): Promise<T> => {
  for (;;) {
    try {
      return await work();
    } catch (thrown) {
      if (MusterError.from(thrown).code === 'CLOSED') throw thrown;
      failed(thrown);
      await new Promise((resolve) => {
        setTimeout(resolve, AGAIN_MS).unref();
      });
    }
  }
};
