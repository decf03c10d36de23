import type { ClaimBook, PlanShape, ResolvedOptions } from '@muster/plan';
import {
  type AgentId,
  type BundleHash,
  type RunId,
  type RunInfo,
  type RunState,
  type StreamId,
  streamId,
  type Verdict,
} from '@muster/protocol';
import type { ObserverChoice } from '../observers/observer.js';
import type { Step } from './run/run-life.js';

/** How far an agent has come with a run; it only goes on. */
export const MEMBER_PROGRESS = ['reserved', 'prepared', 'ready', 'loading', 'finished'] as const;
export type MemberProgress = (typeof MEMBER_PROGRESS)[number];

/** An agent in a run. */
export interface Member {
  readonly id: AgentId;
  readonly node: string;
  readonly boot: string;
  readonly hostname: string;
  readonly pid: number;
  readonly version: string;
  readonly workers: number;
  readonly progress: MemberProgress;
  /** Highest generation that it holds; -1: none. */
  readonly acked: number;
  /** Silent for too long, or without the run: its share is given away, and it takes no further part. */
  readonly lost: boolean;
  /** It said that it can't go on with the run. */
  readonly failed: boolean;
  /** Its stream is committed to the end, or it has none. */
  readonly closed: boolean;
  /** Nothing of the run is left on it. */
  readonly released: boolean;
  /** As it estimated them itself; filled in when the load is over. */
  readonly clockOffsetMs: number | null;
  readonly clockBoundMs: number | null;
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

/** What broke a run. */
export interface RunFault {
  readonly code: string;
  readonly message: string;
  /** `file:line:column` in the author's file. */
  readonly where: string | null;
}

/** Everything that the controller knows of a run: plain data that is never changed but replaced. */
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
  /** What the run itself says of them; absent from what an earlier version kept. May hold secrets. */
  readonly observerOptions?: ObserverChoice['options'];
  readonly submittedAt: string;
  /** Where it is, finely; `state` is what clients see of it. */
  readonly step: Step;
  readonly state: RunState;
  readonly members: readonly Member[];
  readonly functions: readonly string[];
  readonly options: ResolvedOptions | null;
  readonly plans: readonly PlanShape[];
  /** The run's instant 0 on the broker's clock of the process that chose it. */
  readonly startAtMs: number | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** Milliseconds of the run's clock at the end of its load. */
  readonly durationMs: number;
  /** What broke the run, first come. */
  readonly fault: RunFault | null;
  readonly stop: { readonly by: 'user' | 'test' | 'threshold'; readonly reason: string } | null;
  readonly verdict: Verdict | null;
  readonly exitCode: number | null;
  readonly reason: string | null;
  /** What the author's `handleSummary` made: file names and their texts. */
  readonly handleSummary: Readonly<Record<string, string>> | null;
  readonly events: readonly RunEventLine[];
  /** Number of the last published event. Not saved each time: numbers up to `numbersUpTo` may have been used. */
  readonly number: number;
  readonly numbersUpTo: number;
  readonly once: Readonly<Record<string, OnceRecord>>;
  readonly claims: Readonly<Record<string, ClaimBook>>;
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

/** The one stream of an agent's results of a run. */
export const streamOf = (member: Member, run: RunRecord): StreamId => streamId(member.boot, run.id);

/** Members that are expected to do something yet. */
export const living = (run: RunRecord): readonly Member[] => run.members.filter((member) => !member.lost);

/** Members that are expected to say yet that they are finished. */
export const unfinished = (run: RunRecord): readonly Member[] =>
  run.members.filter((member) => !member.lost && member.progress !== 'finished');

export const hasReached = (member: Member, progress: MemberProgress): boolean =>
  MEMBER_PROGRESS.indexOf(member.progress) >= MEMBER_PROGRESS.indexOf(progress);
