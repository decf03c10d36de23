import { MusterError } from '@muster/protocol';

const FULL = /no space left|ENOSPC|disk (is )?full|disk quota/i;

/** True for what a full disk makes a database or the system say. */
export const isDiskFull = (thrown: unknown): boolean =>
  FULL.test(thrown instanceof Error ? thrown.message : String(thrown));

/** What a database threw, as an error with a code. */
export const storeError = (thrown: unknown): MusterError => {
  if (thrown instanceof MusterError) return thrown;
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  return isDiskFull(thrown)
    ? new MusterError('DISK_FULL', said, {
        cause: thrown,
        hint: 'free some room: results wait at the agents until then',
      })
    : new MusterError('STORE_FAILED', said, { cause: thrown });
};
