import { createRequire } from 'node:module';

const manifest: unknown = createRequire(import.meta.url)('@muster/agent/package.json');

/** The version of this package. */
export const AGENT_VERSION: string =
  typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : '0.0.0';
