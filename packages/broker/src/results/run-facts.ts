import type { PlanShape, ResolvedOptions } from '@muster/plan';

/** A member of a run, as the controller knows it. */
export interface MemberFacts {
  readonly id: string;
  readonly node: string;
  readonly hostname: string;
  readonly pid: number;
  readonly version: string;
  readonly workers: number;
  readonly state: 'ended' | 'lost' | 'failed';
  readonly clockOffsetMs: number | null;
  readonly clockBoundMs: number | null;
}

/** What the controller knows of a run, as far as its figures depend on it. */
export interface RunFacts {
  readonly options: ResolvedOptions | null;
  /** All plans in order; generation 0 included or not. */
  readonly plans: readonly PlanShape[];
  readonly members: readonly MemberFacts[];
  /** The run's clock when the load ended (or was ended); null while it goes on. */
  readonly endedAtMs: number | null;
}
