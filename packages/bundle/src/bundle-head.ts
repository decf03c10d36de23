import { MusterError } from '@muster/protocol';

/** Raised when the artefact's form changes so that an older agent could not run it. */
export const BUNDLE_FORMAT = 1;

/** First line of every artefact: what an agent must know before it imports the rest. */
export interface BundleHead {
  readonly format: number;
  /** Version of `@muster/script` that the test was bundled against. */
  readonly script: string;
  /** The test's file name, for people. */
  readonly name: string;
  /** Its awaits bring their frame back by themselves: nobody has to follow promises. */
  readonly frames?: true;
}

const PREFIX = '// muster-bundle ';

/** The head as the line that opens the artefact. */
export const headLine = (head: BundleHead): string => `${PREFIX}${JSON.stringify(head)}`;

/** Reads the head of an artefact; throws `BUNDLE_CORRUPT` when the bytes do not begin with one. */
export const readBundleHead = (bytes: Uint8Array): BundleHead => {
  const end = bytes.subarray(0, 4_096).indexOf(0x0a);
  const line = new TextDecoder().decode(bytes.subarray(0, end < 0 ? 0 : end));
  try {
    if (!line.startsWith(PREFIX)) throw new Error('the first line is not a bundle head');
    const head = JSON.parse(line.slice(PREFIX.length)) as Partial<BundleHead>;
    if (typeof head.format !== 'number' || typeof head.script !== 'string' || typeof head.name !== 'string') {
      throw new Error('the head lacks format, script or name');
    }
    const { format, script, name } = head;
    return { format, script, name, ...(head.frames === true ? { frames: true } : {}) };
  } catch (cause) {
    throw new MusterError('BUNDLE_CORRUPT', `this is no bundle: ${(cause as Error).message}`, {
      cause,
      hint: 'make it with bundleFile() or let `muster run` make it',
    });
  }
};
