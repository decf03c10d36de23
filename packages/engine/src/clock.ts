import { machineMs } from '@muster/protocol';

/**
 * `performance.now()` and the machine's monotonic clock differ by a constant of the process: taken once, the cheap one
 * serves everywhere.
 */
const OFFSET_MS = machineMs() - performance.now();

/** The machine's monotonic clock, at the price of `performance.now()`. */
export const now = (): number => performance.now() + OFFSET_MS;
/** An instant of `performance.now()` on the machine's clock. */
export const fromPerformance = (ms: number): number => ms + OFFSET_MS;
