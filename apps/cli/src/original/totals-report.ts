import { EXIT } from '@muster/protocol';
import type { Colors } from 'picocolors/types.js';
import type { ReportProblem, RunReport } from '../outputs/output.js';
import { bytes, duration, percent, trim } from '../view/format.js';
import type { Totals } from './totals.js';

/** What else is known of a run of the original. */
export interface RunFacts {
  readonly run: string;
  readonly name: string;
  readonly startedAt: string | null;
  readonly durationMs: number;
}

const SHOWN = { urls: 10, problems: 3 };

/** Failures and errors fail a run; one of which only the agents told says nothing. */
export const exitCodeOfTotals = (totals: Totals): number => {
  if (totals.bad > 0) return EXIT.thresholdsFailed;
  return totals.hasResults ? EXIT.passed : EXIT.invalid;
};

/** The report for the outputs. */
export const totalsReport = (facts: RunFacts, totals: Totals): RunReport => ({
  ...facts,
  cases: [...totals.tests].map(([name, { problems }]) => ({
    group: groupOf(name),
    name,
    timeS: 0,
    problems: [...problems.values()],
  })),
  summary: {
    ...facts,
    exitCode: exitCodeOfTotals(totals),
    counts: { ...totals.counts },
    elapsedMs: elapsed(totals),
    urls: Object.fromEntries(
      [...totals.urls].map(([url, { hits, fine, elapsedUs }]) => [url, { hits, fine, avgMs: elapsedUs.mean / 1_000 }]),
    ),
  },
});

/** `method (module.Class)` of a Python test, else the file of ours. */
const groupOf = (test: string): string => /\(([^()]+)\)$/.exec(test)?.[1] ?? /^([^:]+):/.exec(test)?.[1] ?? 'tests';

const elapsed = ({ elapsedUs }: Totals) => ({
  avg: elapsedUs.mean / 1_000,
  min: elapsedUs.min / 1_000,
  max: elapsedUs.max / 1_000,
  p50: elapsedUs.percentile(50) / 1_000,
  p90: elapsedUs.percentile(90) / 1_000,
  p95: elapsedUs.percentile(95) / 1_000,
  p99: elapsedUs.percentile(99) / 1_000,
});

/** The summary for people. */
export const totalsText = (facts: RunFacts, totals: Totals, colors: Colors): string => {
  const seconds = facts.durationMs / 1_000;
  const perSecond = (n: number) => (seconds > 0 ? `${trim(n / seconds)}/s` : '-');
  const hits = totals.count('add_hit');
  const line = (name: string, text: string) => `  ${`${name} `.padEnd(16, '.')} ${text}`;
  const lines = [
    `  ${colors.bold('TOTALS')}`,
    '',
    line('duration', duration(facts.durationMs)),
    line('agents', String(totals.agents.size)),
    line(
      'tests',
      `${totals.count('startTest')} started, ${totals.count('stopTest')} ended  ${perSecond(totals.count('stopTest'))}`,
    ),
    line('results', results(totals, colors)),
    line('hits', `${hits}  ${perSecond(hits)}`),
  ];
  if (hits > 0) {
    const { avg, p50, p90, p95, p99, max } = elapsed(totals);
    const parts = { avg, med: p50, 'p(90)': p90, 'p(95)': p95, 'p(99)': p99, max };
    lines.push(
      line(
        'time per hit',
        Object.entries(parts)
          .map(([name, ms]) => `${name}=${duration(ms)}`)
          .join(' '),
      ),
    );
  }
  if (totals.count('socket_open') > 0)
    lines.push(
      line('web sockets', `${totals.count('socket_open')} opened, ${bytes(totals.count('socket_message'))} received`),
    );
  for (const [name, count] of Object.entries(totals.counters)) lines.push(line(name, String(count)));
  if (!totals.hasResults)
    lines.push('', `  ${colors.red('invalid')}: no row came from the program; the agents’ logs say how it ended`);
  return [...lines, ...urlLines(totals), ...problemLines(totals, colors), ''].join('\n');
};

const results = (totals: Totals, colors: Colors): string => {
  const [failures, errors] = [totals.count('addFailure'), totals.count('addError')];
  const text = `${totals.count('addSuccess')} successes, ${failures} failures, ${errors} errors`;
  return totals.bad > 0 ? colors.red(text) : colors.green(text);
};

/** The slowest, as those are what one looks for. */
const urlLines = ({ urls }: Totals): readonly string[] => {
  const slowest = [...urls].sort((a, b) => b[1].elapsedUs.mean - a[1].elapsedUs.mean).slice(0, SHOWN.urls);
  if (slowest.length === 0) return [];
  const rows = slowest.map(
    ([url, { hits, fine, elapsedUs }]) =>
      `    ${url}  ${hits} hits, avg ${duration(elapsedUs.mean / 1_000)}, ${percent(fine / hits)} fine`,
  );
  return [
    '',
    '  slowest URLs',
    ...rows,
    ...(urls.size > slowest.length ? [`    and ${urls.size - slowest.length} more`] : []),
  ];
};

const problemLines = ({ tests }: Totals, colors: Colors): readonly string[] => {
  const all = [...tests].flatMap(([test, { problems }]) => [...problems.values()].map((each) => [test, each] as const));
  const most = all.sort((a, b) => b[1].count - a[1].count).slice(0, SHOWN.problems);
  if (most.length === 0) return [];
  const text = ([test, { kind, type, message, text: trace, count }]: readonly [string, ReportProblem]) => [
    `    ${colors.red(`${count} x ${kind}`)} in ${test}: ${type}: ${message}`,
    ...trace.split('\n').flatMap((each) => (each.trim() === '' ? [] : [`      ${each}`])),
  ];
  return ['', '  most common problems', ...most.flatMap(text)];
};
