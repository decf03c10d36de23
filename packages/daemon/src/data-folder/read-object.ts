import { readFile } from 'node:fs/promises';

/** What a small JSON file says, or null when it is not there, not whole or no object. */
export const readObject = async (path: string): Promise<Readonly<Record<string, unknown>> | null> => {
  try {
    const found: unknown = JSON.parse(await readFile(path, 'utf8'));
    return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : null;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT' && !(thrown instanceof SyntaxError)) throw thrown;
    return null;
  }
};
