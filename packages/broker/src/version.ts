import { versionOf } from '@muster/daemon';

/** The version of this package. */
export const BROKER_VERSION = versionOf('@muster/broker', import.meta.url);
