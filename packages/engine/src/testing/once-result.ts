import type { MetricSummary } from '@muster/metrics';

export interface OnceCheck {
  readonly name: string;
  readonly passes: number;
  readonly fails: number;
}

/** A failure: of the test's code, or of a request. */
export interface OnceError {
  readonly code: string;
  readonly message: string;
  /** `file:line:column`, where it is known. */
  readonly where: string | null;
  readonly count: number;
}

export interface OnceResult {
  readonly checks: readonly OnceCheck[];
  /** By name, as in the summary of a run; what nothing was recorded in is not there. */
  readonly metrics: Readonly<Record<string, MetricSummary>>;
  /** A part of a metric, in the words of thresholds: `http_reqs{name:pay,status:200}`. */
  select(selector: string): MetricSummary | undefined;
  readonly errors: readonly OnceError[];
  /** What `setup` gave. */
  readonly data: unknown;
  /** The reason of `exec.test.abort`; null when the test did not call it. */
  readonly aborted: string | null;
}
