import type { Summary } from '@muster/protocol';
import type { Observer } from './observer.js';

/** A run's end in one line. */
export const verdictLine = ({ run, metrics, coverage }: Summary): string => {
  const requests = metrics.http_reqs?.values.count ?? 0;
  const seconds = (run.durationMs / 1_000).toFixed(1);
  const reason = run.reason === null ? '' : `: ${run.reason}`;
  return `${run.name} ${run.verdict} (exit ${run.exitCode})${reason}; ${requests} requests in ${seconds} s, coverage ${(coverage.ratio * 100).toFixed(1)} %`;
};

/** Writes the verdict to the broker's log. */
export const consoleObserver: Observer = {
  name: 'console',
  finished: (summary, { log }) => {
    log.info(
      { run: summary.run.id, verdict: summary.run.verdict, exitCode: summary.run.exitCode },
      verdictLine(summary),
    );
  },
};
