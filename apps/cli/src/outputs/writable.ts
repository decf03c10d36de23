import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { unwritten } from './file-output.js';

/**
 * The same path, when its folder takes files: what is written at the end of a run is refused before it begins.
 *
 * @throws MusterError `BAD_CONFIG`
 */
export const writable = (path: string): string => {
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch (thrown) {
    throw unwritten(path, thrown as Error);
  }
  return path;
};
