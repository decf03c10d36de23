import type { Summary } from '@muster/protocol';
import type { OriginalMetadata } from '../original/original-results.js';

/** What a run of the original came to. */
export interface OriginalTotals {
  /** Tests that ended. */
  readonly tests: number;
  readonly hits: number;
  /** Hits in a second of the whole run. */
  readonly rps: number;
  /** Web sockets that were opened. */
  readonly sockets: number;
  readonly failures: number;
  readonly errors: number;
}

/** The end of a run as observers are told of it. `POST`ed bodies and standard inputs are this, so names stay. */
export interface RunEnd {
  readonly version: 1;
  readonly event: 'run.finished';
  readonly run: string;
  readonly name: string;
  readonly dialect: 'native' | 'original';
  /** One line for people. */
  readonly text: string;
  /** Where the run is seen, when the broker was told where that is. */
  readonly link: string | null;
  readonly verdict: Summary['run']['verdict'] | null;
  readonly exitCode: number | null;
  readonly reason: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly durationMs: number;
  /** Of a native run. */
  readonly summary: Summary | null;
  /** Of a run of the original. */
  readonly totals: OriginalTotals | null;
}

/** As in the original. */
const linkTo = (webRoot: string | null, run: string): string | null =>
  webRoot === null ? null : `${webRoot.replace(/\/+$/, '')}/run/${run}`;

/** A run's end in one line. */
export const verdictLine = ({ run, metrics, coverage }: Summary): string => {
  const requests = metrics.http_reqs?.values.count ?? 0;
  const seconds = (run.durationMs / 1_000).toFixed(1);
  const reason = run.reason === null ? '' : `: ${run.reason}`;
  return `${run.name} ${run.verdict} (exit ${run.exitCode})${reason}; ${requests} requests in ${seconds} s, coverage ${(coverage.ratio * 100).toFixed(1)} %`;
};

/** The end of a native run, from its summary. */
export const nativeEnd = (summary: Summary, webRoot: string | null): RunEnd => {
  const { id, name, verdict, exitCode, reason, startedAt, endedAt, durationMs } = summary.run;
  const link = linkTo(webRoot, id);
  return {
    version: 1,
    event: 'run.finished',
    run: id,
    name,
    dialect: 'native',
    text: link === null ? verdictLine(summary) : `${verdictLine(summary)}, ${link}`,
    link,
    verdict,
    exitCode,
    reason,
    startedAt,
    endedAt,
    durationMs,
    summary,
    totals: null,
  };
};

/**
 * The end of a run of the original, from its counts and its metadata. As there, a link stands in place of the figures.
 */
export const originalEnd = (
  run: string,
  counts: Readonly<Record<string, number>>,
  metadata: OriginalMetadata,
  webRoot: string | null,
): RunEnd => {
  const { started, ended, fqn, test_runner: runner } = metadata;
  const known = typeof started === 'number' && typeof ended === 'number' && ended >= started;
  const durationMs = known ? (ended - started) * 1_000 : 0;
  const count = (kind: string): number => (Object.hasOwn(counts, kind) ? (counts[kind] ?? 0) : 0);
  const hits = count('add_hit');
  const totals: OriginalTotals = {
    tests: count('stopTest'),
    hits,
    rps: durationMs > 0 ? hits / (durationMs / 1_000) : 0,
    sockets: count('socket_open'),
    failures: count('addFailure'),
    errors: count('addError'),
  };
  const link = linkTo(webRoot, run);
  return {
    version: 1,
    event: 'run.finished',
    run,
    name: [fqn, runner].find((each): each is string => typeof each === 'string' && each !== '') ?? run,
    dialect: 'original',
    text: `Test Over. ${link ?? figures(totals, durationMs)}`,
    link,
    verdict: null,
    exitCode: null,
    reason: null,
    startedAt: isoOf(started),
    endedAt: isoOf(ended),
    durationMs,
    summary: null,
    totals,
  };
};

const figures = ({ tests, hits, rps, sockets }: OriginalTotals, durationMs: number): string =>
  `tests: ${tests}, duration: ${(durationMs / 1_000).toFixed(2)} s, hits: ${hits}, RPS: ${rps.toFixed(2)}, sockets: ${sockets}`;

/** From seconds since 1970, as metadata has them. */
const isoOf = (seconds: unknown): string | null => {
  const date = new Date(typeof seconds === 'number' ? seconds * 1_000 : Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
};
