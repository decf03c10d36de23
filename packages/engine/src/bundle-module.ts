import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { MusterError } from '@muster/protocol';
import { SCRIPT_VERSION } from '@muster/script/internal';

/** What the test file exports. */
export type AuthorModule = Readonly<Record<string, unknown>>;

const FORMAT = 1;
const HEAD = /^\/\/ muster-bundle (\{.*\})/;
const MAX_HEAD_LENGTH = 4_096;

export interface ReadBundle {
  readonly text: string;
  /** Its awaits bring their frame back by themselves. */
  readonly keepsFrames: boolean;
}

/**
 * Reads a bundle's text. Its first line says for which script runtime it was made, and that must be this one.
 *
 * @throws MusterError `BUNDLE_CORRUPT` or `SCRIPT_VERSION`
 */
export const readBundle = async (path: string): Promise<ReadBundle> => {
  const text = await readFile(path, 'utf8');
  const { format, script, frames } = readHead(text.slice(0, MAX_HEAD_LENGTH).split('\n', 1)[0] ?? '');
  if (format !== FORMAT || script !== SCRIPT_VERSION) {
    throw new MusterError(
      'SCRIPT_VERSION',
      `the bundle is of format ${format} for script runtime ${script}, this agent has format ${FORMAT} and ${SCRIPT_VERSION}`,
      {
        hint: 'bundle the test with the version of Muster that the agents have',
      },
    );
  }
  return { text, keepsFrames: frames === true };
};

/** Imports a bundle: the author's top level runs now. Rejects with what that throws. */
export const importBundle = async (path: string): Promise<AuthorModule> =>
  (await import(pathToFileURL(path).href)) as AuthorModule;

interface Head {
  readonly format?: unknown;
  readonly script?: unknown;
  readonly frames?: unknown;
}

const readHead = (line: string): Head => {
  const json = HEAD.exec(line)?.[1];
  try {
    const { format, script, frames } = JSON.parse(json ?? '') as Head;
    return { format, script, frames };
  } catch (cause) {
    throw new MusterError('BUNDLE_CORRUPT', 'this is no bundle: its first line does not say what it was made for', {
      cause,
    });
  }
};
