/** One thing that a run was asked to hold, or a test that it ran: how often it did and did not. */
export interface ReportCase {
  /** What it belongs to: `thresholds`, `checks`, or the test's module. */
  readonly group: string;
  readonly name: string;
  readonly timeS: number;
  /** Empty: it held. */
  readonly problems: readonly ReportProblem[];
}

/** A failure (what was checked did not hold) or an error (it could not be checked). */
export interface ReportProblem {
  readonly kind: 'failure' | 'error';
  readonly type: string;
  readonly message: string;
  /** A traceback, or more words. */
  readonly text: string;
  readonly count: number;
}

/** What is left when a run is over. */
export interface RunReport {
  readonly run: string;
  readonly name: string;
  /** ISO 8601; null where nobody knows. */
  readonly startedAt: string | null;
  readonly durationMs: number;
  readonly cases: readonly ReportCase[];
  /** Everything, for programs. */
  readonly summary: object;
}

/** Is told of a run while it goes on and when it is over. The console is none of these: it is drawn on. */
export interface Output {
  event(event: object): void;
  end(report: RunReport): Promise<void>;
}
