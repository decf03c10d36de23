import { versionOf } from '@muster/daemon';

/** The version of this package. */
export const AGENT_VERSION = versionOf('@muster/agent', import.meta.url);
