import type { ClaimBook, PlanShape, ResolvedOptions } from '@muster/plan';
import type { AgentId, BundleHash, RunId, RunInfo, RunState, StreamId, Verdict } from '@muster/protocol';

/** How far an agent is with a run. */
export interface Member {
  readonly id: AgentId;
  readonly node: string;
  readonly boot: string;
  readonly hostname: string;
  readonly pid: number;
  readonly version: string;
  readonly workers: number;
  prepared: boolean;
  ready: boolean;
  started: boolean;
  /** Highest generation that it holds; -1: none. */
  acked: number;
  finished: boolean;
  lost: boolean;
  failed: boolean;
  /** Its stream is committed to the end. */
  closed: boolean;
  /** Nothing of the run is left on it. */
  released: boolean;
  clockOffsetMs: number | null;
  clockBoundMs: number | null;
}

/** A line of the run's history. */
export interface RunEventLine {
  readonly at: string;
  readonly atMs: number;
  readonly kind: string;
  readonly generation?: number;
  readonly agent?: string;
  readonly text: string;
}

/** A value that is made one time for the whole run. */
export type OnceRecord =
  | { readonly s: 'computing'; readonly agent: string; readonly id: string }
  | { readonly s: 'made'; readonly value: unknown }
  | { readonly s: 'failed'; readonly code: string; readonly message: string };

/**
 * Everything that the controller knows of a run: plain data, saved whole whenever it changed.
 *
 * | state | left by |
 * |---|---|
 * | preparing | all members prepared, options fine → plan 0; all ready → ready; fault, stop, deadline → settling |
 * | ready | plan 1 saved → running |
 * | running | all living members finished → settling; stop → stopping; all lost → settling |
 * | stopping | all living members finished → settling |
 * | settling | all streams closed, or the deadline → counted → verdict → summarised → finished |
 * | finished | – |
 */
export interface RunRecord {
  readonly id: RunId;
  readonly name: string;
  readonly bundle: { readonly hash: BundleHash; readonly size: number };
  readonly overrides: unknown;
  readonly env: Readonly<Record<string, string>>;
  readonly raw: 'thinned' | 'all' | 'none';
  readonly minCoverage: number;
  readonly settleMs: number;
  readonly orphan: { readonly mode: 'continue' | 'stop'; readonly leaseMs: number };
  readonly seed: number;
  readonly observers: readonly string[];
  readonly submittedAt: string;
  state: RunState;
  members: Member[];
  functions: readonly string[];
  options: ResolvedOptions | null;
  plans: PlanShape[];
  /** The run's instant 0 on the broker's clock of the process that chose it. */
  startAtMs: number | null;
  startedAt: string | null;
  endedAt: string | null;
  /** Milliseconds of the run's clock at its end. */
  durationMs: number;
  /** What broke the run, first come. */
  fault: { readonly code: string; readonly message: string; readonly where: string | null } | null;
  stop: { readonly by: 'user' | 'test' | 'threshold'; readonly reason: string } | null;
  stage: 'none' | 'counting' | 'summarising' | 'author-summary';
  verdict: Verdict | null;
  exitCode: number | null;
  reason: string | null;
  readonly events: RunEventLine[];
  /** Number of the last published event. */
  number: number;
  readonly once: Record<string, OnceRecord>;
  readonly claims: Record<string, ClaimBook>;
}

/** The run as clients see it. */
export const infoOf = (run: RunRecord): RunInfo => ({
  id: run.id,
  name: run.name,
  state: run.state,
  verdict: run.verdict,
  exitCode: run.exitCode,
  reason: run.reason,
  submittedAt: run.submittedAt,
  startedAt: run.startedAt,
  endedAt: run.endedAt,
  bundle: run.bundle.hash,
  agents: run.members.map((member) => member.id),
});

export const streamOf = (member: Member, run: RunRecord): StreamId => `${member.boot}/${run.id}` as StreamId;

/** Members that are expected to do something yet. */
export const living = (run: RunRecord): Member[] => run.members.filter((member) => !member.lost);
