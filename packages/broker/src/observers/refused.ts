import { MusterError } from '@muster/protocol';

/** What an observer throws when another try would not help. */
export const refused = (message: string, cause?: unknown): MusterError =>
  new MusterError('OBSERVER_REFUSED', message, cause === undefined ? {} : { cause });
