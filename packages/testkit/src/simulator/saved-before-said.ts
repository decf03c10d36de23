import type { ControllerEffect, OnceRecord, RunRecord } from '@muster/broker/internal';
import type { ClaimBook } from '@muster/plan';
import { type AgentMessage, ClaimResult, OnceResult, RUN_STATES } from '@muster/protocol';

/** What is on the broker's disk. */
export interface Disk {
  readonly journal: ReadonlyMap<string, unknown>;
  /** Its end is kept: its journal is cleared. */
  isConcluded(run: string): boolean;
}

/** A question of an agent that the broker may answer. */
export type AgentQuestion = Extract<AgentMessage, { id: string; run: unknown }>;

/**
 * Whether what an effect says is on disk by now, so that a crash after it can't make it untrue.
 *
 * @returns what is not, or null
 */
export const unsavedIn = (
  effect: ControllerEffect,
  disk: Disk,
  questionOf: (agent: string, id: string) => AgentQuestion | undefined,
): string | null => {
  switch (effect.type) {
    case 'send':
      return unsavedOrder(effect, disk, questionOf);
    case 'answer': {
      const { run } = effect.result as { readonly run?: unknown };
      return typeof run !== 'string' || coreOf(disk, run) !== null ? null : `run ${run}, which was accepted`;
    }
    case 'publish':
      if (effect.event.kind !== 'state') return null;
      return hasState(disk, effect.run, effect.event.state) ? null : `that run ${effect.run} is ${effect.event.state}`;
    case 'catalogue': {
      const { id, verdict } = effect.info;
      return verdict === null || hasVerdict(disk, id, verdict) ? null : `the verdict of run ${id}`;
    }
    case 'conclude': {
      const { id, verdict } = effect.run;
      return hasVerdict(disk, id, verdict) ? null : `the verdict of run ${id}`;
    }
    default:
      return null;
  }
};

/** The record without its parts; `done` when nothing of it is needed any more; null when it is not there. */
const coreOf = (disk: Disk, run: string): RunRecord | 'done' | null => {
  if (disk.isConcluded(run)) return 'done';
  return (disk.journal.get(`run/${run}`) as RunRecord | undefined) ?? null;
};

const hasState = (disk: Disk, run: string, state: RunRecord['state']): boolean => {
  const core = coreOf(disk, run);
  return core === 'done' || (core !== null && RUN_STATES.indexOf(core.state) >= RUN_STATES.indexOf(state));
};

const hasVerdict = (disk: Disk, run: string, verdict: RunRecord['verdict']): boolean => {
  const core = coreOf(disk, run);
  return core === 'done' || core?.verdict === verdict;
};

const unsavedOrder = (
  { agent, message }: Extract<ControllerEffect, { type: 'send' }>,
  disk: Disk,
  questionOf: (agent: string, id: string) => AgentQuestion | undefined,
): string | null => {
  switch (message.type) {
    case 'prepare':
    case 'stop':
    case 'abort':
    case 'summarize':
      return coreOf(disk, message.run) === null ? `run ${message.run}` : null;
    case 'plan':
      return hasPlan(disk, message.run, message.generation, message.fromMs)
        ? null
        : `plan ${message.generation} of run ${message.run}`;
    case 'beat':
      return message.grant === null || hasPlan(disk, message.grant.run, message.grant.generation, null)
        ? null
        : `plan ${message.grant.generation}, for which ${agent} is granted`;
    case 'reply': {
      const question = questionOf(agent, message.id);
      return question === undefined || message.error !== undefined || coreOf(disk, question.run ?? '') === 'done'
        ? null
        : unsavedAnswer(question, message.result, disk);
    }
    default:
      return null;
  }
};

const hasPlan = (disk: Disk, run: string, generation: number, fromMs: number | null): boolean => {
  const core = coreOf(disk, run);
  if (core === 'done') return true;
  const plan = core?.plans.find((each) => each.generation === generation);
  return plan !== undefined && (fromMs === null || plan.fromMs === fromMs);
};

const unsavedAnswer = (question: AgentQuestion, result: unknown, disk: Disk): string | null => {
  if (question.type === 'claim') {
    const { from, count } = ClaimResult.parse(result);
    const book = disk.journal.get(`claim/${question.run}/${question.name}`) as ClaimBook | undefined;
    return count === 0 || (book !== undefined && book.next >= from + count)
      ? null
      : `that ${count} of "${question.name}" from ${from} on are given out`;
  }
  if (question.type === 'once.get') {
    const known = disk.journal.get(`once/${question.run}/${question.name}`) as OnceRecord | undefined;
    const { compute } = OnceResult.parse(result);
    return known !== undefined && (compute || known.s === 'made') ? null : `who makes "${question.name}", or its value`;
  }
  return null;
};
