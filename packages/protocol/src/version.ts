import { MusterError } from './errors.js';
import type { VersionRange } from './native/common.js';

/** The native protocol versions that this package speaks. */
export const NATIVE_VERSIONS: VersionRange = [1, 1];

/** The highest version that both speak. @throws MusterError `VERSION_MISMATCH` naming both ranges. */
export const negotiate = (theirs: VersionRange, who: string, ours: VersionRange = NATIVE_VERSIONS): number => {
  const common = Math.min(ours[1], theirs[1]);
  if (common >= Math.max(ours[0], theirs[0])) return common;
  const range = ([low, high]: VersionRange) => (low === high ? `version ${low}` : `versions ${low} to ${high}`);
  throw new MusterError(
    'VERSION_MISMATCH',
    `${who} speaks ${range(theirs)} of the protocol, this side ${range(ours)}`,
    {
      hint: 'install the same release of Muster on both',
    },
  );
};
