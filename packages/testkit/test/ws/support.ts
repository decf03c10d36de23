import { type OnceResult, type RunOnceOptions, runOnce } from '@muster/engine/testing';

/** Runs a function as one iteration of one user, with real sockets. */
export const iteration = (fn: () => unknown, given: RunOnceOptions = {}): Promise<OnceResult> =>
  runOnce({ default: fn }, given);

/** A counter's sum, 0 when nothing was counted. */
export const count = (result: OnceResult, selector: string): number => result.select(selector)?.values.count ?? 0;
