import { aggregate, type SeriesSet } from '@muster/metrics';
import { type ArrivalScenario, arrivalsOf, countOwned, type PlanShape } from '@muster/plan';
import type { Summary } from '@muster/protocol';
import type { MemberFacts, RunFacts } from './run-facts.js';
import type { AccountGap, WorkerAccount, WorkerAccounts } from './worker-accounts.js';

type Coverage = Summary['coverage'];
type Slots = NonNullable<Coverage['slots']>[string];
type Gap = Coverage['gaps'][number];

/** Later than any run goes on: a year, in milliseconds. */
const FOREVER_MS = 31_536_000_000;
/** What a worker measures before it seals. */
const WINDOW_MS = 1_000;

/** What the coverage is computed from. */
export interface CoverageInput {
  readonly facts: RunFacts;
  readonly accounts: WorkerAccounts;
  /** Agents whose stream is stored to its end. */
  readonly closed: ReadonlySet<string>;
  readonly totals: SeriesSet;
  readonly rows: { readonly measured: number; readonly stored: number };
}

/**
 * What is here of all that was measured, and what is missing: per worker the time that it sealed, against the time in
 * which it was to work. Of every scenario with a schedule, planned = started + dropped + unknown: a worker's slots are
 * those that the plans give it, so what it neither started nor dropped is unknown, or, after the run was ended, dropped.
 */
export const coverageOf = ({ facts, accounts, closed, totals, rows }: CoverageInput): Coverage => {
  const scenarios = facts.options === null ? [] : arrivalsOf(facts.options);
  const slots: Record<string, Slots> = Object.fromEntries(
    scenarios.map(({ name }) => [name, { planned: 0, started: 0, dropped: {}, unknown: 0 }]),
  );
  const gaps: Gap[] = [];
  let sealedMs = 0;
  for (const member of facts.members) {
    for (let worker = 0; worker < member.workers; worker += 1) {
      const account = accounts.of(member.id, worker);
      const cutOff = accounts.whyCutOff(member.id);
      const open =
        cutOff === undefined
          ? openGap(partEndMs(facts, member, accounts), member, account, closed.has(member.id))
          : { fromMs: account.sealedToMs, toMs: account.sealedToMs + WINDOW_MS, why: cutOff };
      const found = [...account.gaps, ...(open === null ? [] : [open])];
      const unknown = scenarios.map((scenario) => addSlots(slots, scenario, facts, member, account));
      gaps.push(...namedGaps(found, unknown, member, account, facts.plans));
      sealedMs += account.sealedToMs - account.gaps.reduce((sum, gap) => sum + lengthOf(gap), 0);
    }
  }
  const missingMs = gaps.reduce((sum, gap) => sum + lengthOf(gap), 0);
  const sent = countOf(totals, 'sent');
  const answered = countOf(totals, 'answered');
  return {
    complete:
      gaps.length === 0 &&
      facts.members.every((member) => closed.has(member.id) || partEndMs(facts, member, accounts) === null),
    ratio: missingMs <= 0 ? 1 : Math.max(0, sealedMs) / (Math.max(0, sealedMs) + missingMs),
    started: countOf(totals, 'started'),
    sent,
    answered,
    uncertain: Math.max(0, sent - answered),
    rows: { measured: rows.measured, stored: rows.stored, thinned: Math.max(0, rows.measured - rows.stored) },
    gaps,
    ...(scenarios.length === 0 ? {} : { slots }),
  };
};

const lengthOf = (gap: { readonly fromMs: number; readonly toMs: number }): number =>
  Math.max(0, gap.toMs - gap.fromMs);
const countOf = (totals: SeriesSet, metric: string): number => {
  const found = aggregate(totals, metric);
  return found?.sink.type === 'counter' ? Math.round(found.sink.sum) : 0;
};

/**
 * When a member's part of the load was over for it: at the plan that goes on without it, or when the run ended, which is
 * no earlier than what anybody has sealed. Null when it had no part, or the run goes on.
 */
const partEndMs = (facts: RunFacts, member: MemberFacts, accounts: WorkerAccounts): number | null => {
  const begun = facts.plans.filter((plan) => plan.generation > 0);
  const joined = begun.findIndex((plan) => plan.members.includes(member.id));
  if (joined < 0) return null;
  const without = begun.slice(joined).find((plan) => !plan.members.includes(member.id));
  if (without !== undefined) return without.fromMs;
  return facts.endedAtMs === null ? null : Math.max(facts.endedAtMs, accounts.latestMs);
};

/**
 * The time from a worker's last window to the end of its part, when its agent never said that this was all. An agent that
 * went on by itself may have sealed more than that: then it is the second that was open when it ended.
 */
const openGap = (
  endMs: number | null,
  member: MemberFacts,
  account: WorkerAccount,
  closed: boolean,
): AccountGap | null => {
  if (closed || endMs === null) return null;
  const why = { lost: 'agent lost', failed: 'agent failed', ended: 'results still missing' }[member.state];
  const toMs = endMs > account.sealedToMs ? endMs : account.sealedToMs + (member.state === 'ended' ? 0 : WINDOW_MS);
  return { fromMs: account.sealedToMs, toMs, why };
};

/** Adds a worker's slots of a scenario to the sums. @returns how many of them are unknown. */
const addSlots = (
  slots: Record<string, Slots>,
  scenario: ArrivalScenario,
  facts: RunFacts,
  member: MemberFacts,
  account: WorkerAccount,
): number => {
  const sums = slots[scenario.name];
  if (sums === undefined) return 0;
  const owned = ownedBy(scenario, facts.plans, member, account.worker, 0, FOREVER_MS);
  const started = account.started.get(scenario.name) ?? 0;
  let left = owned - started;
  for (const [reason, count] of account.dropped.get(scenario.name) ?? []) {
    // Who left before it heard of the next plan dropped slots that are others' by it.
    const own = Math.max(0, Math.min(left, count));
    if (own > 0) sums.dropped[reason] = (sums.dropped[reason] ?? 0) + own;
    left -= own;
  }
  const after =
    facts.endedAtMs === null ? 0 : ownedBy(scenario, facts.plans, member, account.worker, facts.endedAtMs, FOREVER_MS);
  const ended = Math.max(0, Math.min(left, after));
  if (ended > 0) sums.dropped.run_ended = (sums.dropped.run_ended ?? 0) + ended;
  const unknown = Math.max(0, left - ended);
  sums.planned += owned;
  sums.started += started;
  sums.unknown += unknown;
  return unknown;
};

const ownedBy = (
  scenario: ArrivalScenario,
  plans: readonly PlanShape[],
  member: MemberFacts,
  worker: number,
  fromMs: number,
  toMs: number,
): number => countOwned(scenario, plans, member.id, { index: worker, of: member.workers }, fromMs, toMs);

/** Gaps with their share of the unknown slots. Slots that are in no gap make one of their own, so that nothing is silent. */
const namedGaps = (
  found: readonly AccountGap[],
  unknown: readonly number[],
  member: MemberFacts,
  account: WorkerAccount,
  plans: readonly PlanShape[],
): Gap[] => {
  const total = unknown.reduce((sum, count) => sum + count, 0);
  const all =
    found.length > 0 || total === 0 || plans.length === 0
      ? found
      : [{ fromMs: account.sealedToMs, toMs: account.sealedToMs, why: 'starts that nobody accounted for' }];
  const lengths = all.map(lengthOf);
  const wholeMs = lengths.reduce((sum, length) => sum + length, 0);
  let left = total;
  return all.map(({ fromMs, toMs, why }, index) => {
    const last = index === all.length - 1;
    const share = last ? left : Math.min(left, Math.floor((total * (lengths[index] ?? 0)) / Math.max(1, wholeMs)));
    left -= share;
    return { agent: member.id, worker: account.worker, fromMs, toMs, why, unknownSlots: share };
  });
};
