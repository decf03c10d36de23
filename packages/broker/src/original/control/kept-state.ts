import type { SignedOn } from '@muster/protocol';

/** An agent's part in a run. */
export interface OriginalMember {
  readonly agent: string;
  readonly native: boolean;
  /** Seconds since 1970. */
  readonly since: number;
}

/** A run of the original that is not over: plain data that is never changed but replaced. */
export interface OriginalRunRecord {
  readonly id: string;
  /**
   * `opening` until its metadata is kept: nobody has heard of it; `running` until its last agent has nothing to do;
   * `ending` until that is kept.
   */
  readonly step: 'opening' | 'running' | 'ending';
  /** Those that work for it yet. */
  readonly members: readonly OriginalMember[];
  /** What is noted when it is over; only then. */
  readonly ending: Readonly<Record<string, unknown>> | null;
}

/** What an earlier controller left. */
export interface KeptState {
  readonly runs: readonly OriginalRunRecord[];
  readonly agents: readonly SignedOn[];
  /** Runs that are over, the oldest first. */
  readonly over: readonly string[];
}

const RUN = 'original/run/';
const AGENT = 'original/agent/';
const OVER = 'original/over/';

export const runKey = (run: string): string => `${RUN}${run}`;
export const agentKey = (agent: string): string => `${AGENT}${agent}`;
export const overKey = (run: string): string => `${OVER}${run}`;

/** Finds what is ours in everything that was saved. */
export const keptIn = (saved: Readonly<Record<string, unknown>>): KeptState => {
  const under = <T>(prefix: string) =>
    Object.entries(saved).flatMap(([key, value]) => (key.startsWith(prefix) ? [value as T] : []));
  const over = Object.entries(saved)
    .flatMap(([key, at]) => (key.startsWith(OVER) ? [{ run: key.slice(OVER.length), at: Number(at) }] : []))
    .sort((a, b) => a.at - b.at)
    .map(({ run }) => run);
  return { runs: under<OriginalRunRecord>(RUN), agents: under<SignedOn>(AGENT), over };
};
