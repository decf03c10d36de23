import { planWithout } from '@muster/plan';
import type { Burned } from '../primitives/claims.js';
import { living, type Member, type RunRecord, unfinished } from '../run-record.js';
import type { Turn } from '../turn.js';
import { stopMs } from './duration.js';
import type { Run } from './run.js';
import { isLoading, isOver, isPreparing } from './run-life.js';
import { authorLost, breakRun, cutShort, gatherIfComplete, memberEnded, settleIfOver } from './settling.js';

/** The start has come. */
export const begin = (run: Run, turn: Turn): void => {
  if (run.go('begun')) run.publishState(turn, 'the load has begun');
};

/** Stops a run: members start nothing new. With `force`, or before the start, they abort. */
export const stopRun = (run: Run, turn: Turn, stop: NonNullable<RunRecord['stop']>, force: boolean): void => {
  const { step } = run.record;
  if (isOver(step)) return;
  if (run.record.stop === null) {
    run.set({ stop });
    run.event(turn, 'stop', stop.reason);
  }
  if (force || isPreparing(step)) {
    cutShort(run, turn);
    return;
  }
  if (!run.go('stop')) return;
  run.deadlineMs = Math.min(run.deadlineMs, turn.nowMs + stopMs(run.record) + run.port.config.overdueMs);
  run.publishState(turn, stop.reason);
  run.tellAll(turn);
};

/** A member is gone: the others take its share over from an instant at which it can't load any more. */
export const loseMember = (run: Run, turn: Turn, member: Member, why: string): void => {
  if (member.lost) return;
  if (member.progress === 'finished') {
    authorLost(run, turn, member.id);
    return;
  }
  run.setMember(member.id, { lost: true });
  run.event(turn, 'lost', `agent ${member.id} is lost: ${why}`, { agent: member.id });
  run.note(turn, 'warn', `agent ${member.id} is lost: ${why}`);
  const { answers, burned } = run.primitives.lose(member.id, 'lost');
  run.answer(turn, answers);
  for (const each of burned) noteBurned(run, turn, member, each);
  const { step } = run.record;
  if (isOver(step)) {
    memberEnded(run, turn);
  } else if (living(run.record).length === 0) {
    const message = `every agent of the run is lost (the last: ${member.id}, ${why})`;
    breakRun(run, turn, { code: 'AGENTS_LOST', message, where: null }, true);
  } else if (isPreparing(step)) {
    const message = `agent ${member.id} is lost before the start: ${why}`;
    breakRun(run, turn, { code: 'AGENTS_LOST', message, where: null }, true);
  } else {
    replan(run, turn);
    settleIfOver(run, turn);
  }
};

const noteBurned = (run: Run, turn: Turn, member: Member, { name, ranges }: Burned): void => {
  const list = ranges.map(([from, count]) => (count === 1 ? `${from}` : `${from}–${from + count - 1}`)).join(', ');
  run.event(turn, 'burned', `of "${name}", ${list} will not be used: ${member.id} had them`, { agent: member.id });
};

/** A member ended its load. One that did so before its time, and was not told to, leaves its share to the others. */
export const memberFinished = (
  run: Run,
  turn: Turn,
  member: Member,
  { outcome, hasStream }: { readonly outcome: 'done' | 'stopped' | 'aborted' | 'failed'; readonly hasStream: boolean },
): void => {
  if (member.progress === 'finished') return;
  run.setMember(member.id, {
    progress: 'finished',
    failed: member.failed || outcome === 'failed',
    closed: member.closed || !hasStream,
  });
  if (member.lost) {
    gatherIfComplete(run, turn);
    return;
  }
  run.answer(turn, run.primitives.lose(member.id, 'finished').answers);
  const { step, stop } = run.record;
  if (isLoading(step) && stop === null && outcome !== 'done') {
    run.event(turn, 'left', `agent ${member.id} left the run: ${outcome}`, { agent: member.id });
    run.note(turn, 'warn', `agent ${member.id} left the run: ${outcome}`);
    replan(run, turn);
  }
  settleIfOver(run, turn);
  memberEnded(run, turn);
};

/**
 * The next plan, for those that go on: from an instant that is no earlier than any up to which somebody may load, so
 * that no slot is ever two agents' at once.
 */
const replan = (run: Run, turn: Turn): void => {
  const { plans, startAtMs } = run.record;
  const last = plans.at(-1);
  const staying = unfinished(run.record).map((member) => member.id as string);
  if (last === undefined || startAtMs === null || staying.length === 0) return;
  const atMs = Math.max(turn.nowMs + run.port.config.replanAfterMs, run.grants.latestUntilMs, startAtMs + last.fromMs);
  const leaving = last.members.filter((id) => !staying.includes(id));
  const next = planWithout(last, leaving, Math.ceil(atMs - startAtMs));
  run.set({ plans: [...plans, next] });
  const count = next.members.length;
  run.event(turn, 'plan', `${count} agent${count === 1 ? ' goes' : 's go'} on from ${next.fromMs} ms`, {
    generation: next.generation,
  });
  run.tellAll(turn);
};

/** The load should have been over for long. */
export const loadingIsLate = (run: Run, turn: Turn): void => {
  const names = unfinished(run.record).map((member) => member.id);
  const message = `${names.join(', ')} did not finish in time`;
  breakRun(run, turn, { code: 'AGENTS_LOST', message, where: null }, true);
};
