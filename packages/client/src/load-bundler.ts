import { MusterError } from '@muster/protocol';

/** What of `@muster/bundle` is used here. */
export interface Bundler {
  bundleFile(file: string): Promise<Bundle>;
}

/** A test and all that it imports, ready for `submit`. */
export interface Bundle {
  readonly bytes: Uint8Array;
  readonly hash: string;
  readonly name: string;
  /** What the bundler has to say about the test, one line each. */
  readonly warnings: readonly string[];
}

const isAbsent = (thrown: unknown): boolean =>
  /^(ERR_MODULE_NOT_FOUND|MODULE_NOT_FOUND)$/.test((thrown as { code?: string } | null)?.code ?? '') &&
  thrown instanceof Error &&
  thrown.message.includes('@muster/bundle');

/** The bundler, if it is installed. @throws MusterError `NOT_SUPPORTED` if not. */
export const loadBundler = async (load: () => Promise<Bundler>): Promise<Bundler> => {
  try {
    return await load();
  } catch (cause) {
    if (!isAbsent(cause)) throw cause;
    throw new MusterError('NOT_SUPPORTED', 'making bundles needs @muster/bundle, which is not installed', {
      cause,
      hint: 'npm install @muster/bundle, or submit a bundle that was made elsewhere',
    });
  }
};
