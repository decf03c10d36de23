import type { Summary } from '@muster/protocol';
import type { Member, RunRecord } from '../controller/run-record.js';
import type { MemberFacts, RunFacts } from './run-facts.js';

const stateOf = (member: Member): MemberFacts['state'] => (member.lost ? 'lost' : member.failed ? 'failed' : 'ended');

/** What the figures of a run depend on, from the controller's record as it is now. */
export const factsOf = (run: RunRecord): RunFacts => ({
  options: run.options,
  plans: run.plans,
  members: run.members.map((member) => ({
    id: member.id,
    node: member.node,
    hostname: member.hostname,
    pid: member.pid,
    version: member.version,
    workers: member.workers,
    state: stateOf(member),
    clockOffsetMs: member.clockOffsetMs,
    clockBoundMs: member.clockBoundMs,
  })),
  endedAtMs: run.state === 'settling' || run.state === 'finished' ? run.durationMs : null,
});

const toMicroseconds = (ms: number | null): number | null => (ms === null ? null : Math.round(ms * 1_000) / 1_000);

/** The part of a summary that the controller knows. */
export const runPartOf = (run: RunRecord): Summary['run'] => {
  const first = run.plans.find((plan) => plan.generation === 1)?.members ?? [];
  return {
    id: run.id,
    name: run.name,
    state: 'finished',
    verdict: run.verdict ?? 'errored',
    exitCode: run.exitCode ?? 0,
    reason: run.reason,
    startedAt: run.startedAt,
    endedAt: run.endedAt ?? run.submittedAt,
    durationMs: Math.round(run.durationMs),
    bundle: run.bundle.hash,
    seed: run.seed,
    agents: factsOf(run).members.map((member) => ({
      ...member,
      clockOffsetMs: toMicroseconds(member.clockOffsetMs),
      clockBoundMs: toMicroseconds(member.clockBoundMs),
      share: first.includes(member.id) ? 1 / first.length : 0,
    })),
    events: run.events.map(({ generation, agent, ...line }) => ({
      ...line,
      ...(generation === undefined ? {} : { generation }),
      ...(agent === undefined ? {} : { agent }),
    })),
  };
};

/** The record as the catalogue keeps it: without the author's data and without the environment and options of observers, which may hold secrets. */
export const detailOf = (run: RunRecord): RunRecord => ({
  ...run,
  env: {},
  observerOptions: {},
  once: {},
  claims: {},
});
