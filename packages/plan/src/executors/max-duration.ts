import type { Reader } from '../reader.js';

/** How long iterations that are counted may take if the test does not say. k6's default. */
export const DEFAULT_MAX_DURATION_MS = 600_000;

export const readMaxDuration = (from: Reader): number => from.lastingMs('maxDuration', DEFAULT_MAX_DURATION_MS);
