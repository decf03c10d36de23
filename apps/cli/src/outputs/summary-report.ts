import type { Summary } from '@muster/protocol';
import type { ReportCase, ReportProblem, RunReport } from './output.js';

/** The report of a run of ours: its verdict, thresholds and checks. */
export const summaryReport = (summary: Summary): RunReport => {
  const { run, thresholds, checks } = summary;
  const problem = (kind: ReportProblem['kind'], type: string, message: string, count = 1): ReportProblem => ({
    kind,
    type,
    message,
    text: '',
    count,
  });
  const held = run.verdict === 'passed' || run.verdict === 'failed';
  const verdict: ReportCase = {
    group: 'run',
    name: 'verdict',
    timeS: run.durationMs / 1_000,
    problems: held ? [] : [problem('error', run.verdict ?? 'unknown', run.reason ?? `exit code ${run.exitCode}`)],
  };
  return {
    run: run.id,
    name: run.name,
    startedAt: run.startedAt,
    durationMs: run.durationMs,
    summary,
    cases: [
      verdict,
      ...thresholds.map(({ metric, expression, ok, value }) => ({
        group: 'thresholds',
        name: `${metric}: ${expression}`,
        timeS: 0,
        problems: ok ? [] : [problem('failure', 'threshold', `is ${value ?? 'without data'}`)],
      })),
      ...checks.map(({ name, group, passes, fails }) => ({
        group: 'checks',
        name: group === '' ? name : `${group} / ${name}`,
        timeS: 0,
        problems: fails === 0 ? [] : [problem('failure', 'check', `failed ${fails} of ${passes + fails} times`, fails)],
      })),
    ],
  };
};
