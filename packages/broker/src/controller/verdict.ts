import { CODES, type Code, EXIT, exitCodeOf, type Verdict } from '@muster/protocol';
import type { Counted } from './events.js';
import type { RunFault, RunRecord } from './run-record.js';

export interface Judgement {
  readonly verdict: Verdict;
  readonly exitCode: number;
  readonly reason: string | null;
}

/** The one verdict of a run: the first that applies, in the order of the protocol's table. */
export const judge = (run: RunRecord, counted: Counted): Judgement =>
  errored(run, counted) ?? aborted(run) ?? invalid(run, counted) ?? failed(run, counted) ?? PASSED;

const PASSED: Judgement = { verdict: 'passed', exitCode: EXIT.passed, reason: null };

const errored = (run: RunRecord, { iterations }: Counted): Judgement | null => {
  if (run.fault !== null)
    return { verdict: 'errored', exitCode: exitCodeOfFault(run.fault), reason: sentenceOf(run.fault) };
  // An abort by the test is itself thrown in an iteration, which may be the only one.
  if (run.stop?.by === 'test' || iterations.completed === 0 || iterations.failed < iterations.completed) return null;
  return {
    verdict: 'errored',
    exitCode: exitCodeOf('ALL_ITERATIONS_FAILED'),
    reason: `every iteration threw (${iterations.failed})`,
  };
};

const aborted = ({ stop }: RunRecord): Judgement | null => {
  if (stop?.by === 'user') return { verdict: 'aborted', exitCode: EXIT.abortedByUser, reason: stop.reason };
  if (stop?.by === 'test') return { verdict: 'aborted', exitCode: EXIT.abortedByTest, reason: stop.reason };
  return null;
};

const invalid = (run: RunRecord, { coverage }: Counted): Judgement | null => {
  if (coverage >= run.minCoverage) return null;
  const least = `${Number((run.minCoverage * 100).toFixed(2))} %`;
  const reason = `the results cover ${(coverage * 100).toFixed(2)} % of the run, less than ${least}`;
  return { verdict: 'invalid', exitCode: EXIT.invalid, reason };
};

const failed = ({ stop }: RunRecord, { failedThreshold }: Counted): Judgement | null => {
  const reason = failedThreshold ?? (stop?.by === 'threshold' ? stop.reason : null);
  return reason === null ? null : { verdict: 'failed', exitCode: EXIT.thresholdsFailed, reason };
};

/** A code that this version does not know comes from a newer agent's script. */
const exitCodeOfFault = ({ code }: RunFault): number =>
  Object.hasOwn(CODES, code) ? exitCodeOf(code as Code) : EXIT.scriptFailed;

const sentenceOf = ({ message, where }: RunFault): string => (where === null ? message : `${message} at ${where}`);
