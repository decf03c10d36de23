import { CODES, type Code, EXIT, exitCodeOf, type Verdict } from '@muster/protocol';
import type { Counted } from './events.js';
import type { RunRecord } from './run-record.js';

export interface Judgement {
  readonly verdict: Verdict;
  readonly exitCode: number;
  readonly reason: string | null;
}

const errorCode = (code: string): number => (Object.hasOwn(CODES, code) ? exitCodeOf(code as Code) : EXIT.scriptFailed);

/** The one verdict of a run: the first that applies, in the order of the protocol's table. */
export const judge = (run: RunRecord, counted: Counted): Judgement => {
  if (run.fault !== null) {
    const where = run.fault.where === null ? '' : ` at ${run.fault.where}`;
    return { verdict: 'errored', exitCode: errorCode(run.fault.code), reason: `${run.fault.message}${where}` };
  }
  if (
    run.stop?.by !== 'user' &&
    run.stop?.by !== 'test' &&
    counted.iterations.completed > 0 &&
    counted.iterations.failed === counted.iterations.completed
  ) {
    return {
      verdict: 'errored',
      exitCode: EXIT.scriptFailed,
      reason: `every iteration threw (${counted.iterations.failed})`,
    };
  }
  if (run.stop?.by === 'user') return { verdict: 'aborted', exitCode: EXIT.abortedByUser, reason: run.stop.reason };
  if (run.stop?.by === 'test') return { verdict: 'aborted', exitCode: EXIT.abortedByTest, reason: run.stop.reason };
  if (counted.coverage < run.minCoverage) {
    return {
      verdict: 'invalid',
      exitCode: EXIT.invalid,
      reason: `the results cover ${(counted.coverage * 100).toFixed(2)} % of the run, less than ${run.minCoverage * 100} %`,
    };
  }
  if (counted.failedThreshold !== null)
    return { verdict: 'failed', exitCode: EXIT.thresholdsFailed, reason: counted.failedThreshold };
  return { verdict: 'passed', exitCode: EXIT.passed, reason: null };
};
