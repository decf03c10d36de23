import type { SignedOn } from '@muster/protocol';
import type { ObserverChoice } from '../../observers/observer.js';

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
  /** Why agents could not begin. */
  readonly errors: Readonly<Record<string, string>>;
  /** What is noted when it is over; only then. */
  readonly ending: Readonly<Record<string, unknown>> | null;
  /** Those that are told when it is over; absent when there are none. May hold secrets. */
  readonly observers?: ObserverChoice;
}

/** What an earlier controller left. */
export interface KeptState {
  readonly runs: readonly OriginalRunRecord[];
  readonly agents: readonly SignedOn[];
  /** Runs that are over, the oldest first. */
  readonly over: readonly string[];
  /** Keys of members whose run is not there: a crash came between. */
  readonly orphans: readonly string[];
}

type Save = { readonly type: 'save'; readonly key: string; readonly value: unknown };
type Delete = { readonly type: 'delete'; readonly key: string };
/** A run without its members. */
type Core = Omit<OriginalRunRecord, 'members'>;

const RUN = 'original/run/';
const MEMBER = 'original/member/';
const AGENT = 'original/agent/';
const OVER = 'original/over/';

const runKey = (run: string): string => `${RUN}${run}`;
/** Ids of runs are plain, so the first slash ends them whatever the agent is called. */
const memberKey = (run: string, agent: string): string => `${MEMBER}${run}/${agent}`;
export const agentKey = (agent: string): string => `${AGENT}${agent}`;
export const overKey = (run: string): string => `${OVER}${run}`;

/** What of a run changed: each member is kept by itself, so that one that ends costs nothing of the others. */
export const savesBetween = (
  before: OriginalRunRecord | undefined,
  now: OriginalRunRecord,
): readonly (Save | Delete)[] => {
  const { members, ...core } = now;
  const had = new Set(before?.members.map(({ agent }) => agent));
  const has = new Set(members.map(({ agent }) => agent));
  const added = members
    .filter(({ agent }) => !had.has(agent))
    .map((member): Save => ({ type: 'save', key: memberKey(now.id, member.agent), value: member }));
  const gone = [...had]
    .filter((agent) => !has.has(agent))
    .map((agent): Delete => ({ type: 'delete', key: memberKey(now.id, agent) }));
  const isSame = before?.step === now.step && before.errors === now.errors && before.ending === now.ending;
  // The core comes last: a run whose core is there has its members.
  return [...added, ...gone, ...(isSame ? [] : [{ type: 'save', key: runKey(now.id), value: core } as const])];
};

/** Nothing of a run is needed any more. */
export const deletesOf = ({ id, members }: OriginalRunRecord): readonly Delete[] => [
  { type: 'delete', key: runKey(id) },
  ...members.map(({ agent }): Delete => ({ type: 'delete', key: memberKey(id, agent) })),
];

/** Finds what is ours in everything that was saved. */
export const keptIn = (saved: Readonly<Record<string, unknown>>): KeptState => {
  const under = <T>(prefix: string): readonly (readonly [string, T])[] =>
    Object.entries(saved).flatMap(([key, value]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value as T] as const] : [],
    );
  const members = new Map<string, OriginalMember[]>();
  for (const [name, member] of under<OriginalMember>(MEMBER)) {
    const run = name.slice(0, name.indexOf('/'));
    members.set(run, [...(members.get(run) ?? []), member]);
  }
  const runs = under<Core>(RUN).map(([id, core]) => ({ ...core, members: members.get(id) ?? [] }));
  const known = new Set(runs.map(({ id }) => id));
  return {
    runs,
    agents: under<SignedOn>(AGENT).map(([, info]) => info),
    over: [...under<number>(OVER)].sort(([, a], [, b]) => a - b).map(([run]) => run),
    orphans: [...members].flatMap(([run, each]) =>
      known.has(run) ? [] : each.map(({ agent }) => memberKey(run, agent)),
    ),
  };
};
