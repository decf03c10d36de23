import { createRequire } from 'node:module';

/**
 * The version of a package.
 *
 * @param from the URL of a module that can import it
 */
export const versionOf = (name: string, from: string): string => {
  const manifest: unknown = createRequire(from)(`${name}/package.json`);
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : '0.0.0';
};
