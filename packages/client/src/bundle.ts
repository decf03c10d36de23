/**
 * Makes bundles for `submit` by the optional package `@muster/bundle`, which holds a compiler and so is not part of the
 * client's own install.
 *
 * @packageDocumentation
 */
import { type Bundle, type Bundler, loadBundler } from './load-bundler.js';

export type { Bundle } from './load-bundler.js';

/** Not written into the `import`: whoever packs this client into a program of their own need not have it. */
const BUNDLER: string = '@muster/bundle';

/**
 * Turns a test file and what it imports into one artefact.
 *
 * @throws MusterError `NOT_SUPPORTED` without `@muster/bundle`; `FILE_NOT_FOUND`, `NO_TEST`, `SCRIPT_SYNTAX`, …
 */
export const bundle = async (file: string): Promise<Bundle> => {
  const bundler = await loadBundler(async (): Promise<Bundler> => await import(BUNDLER));
  return await bundler.bundleFile(file);
};
