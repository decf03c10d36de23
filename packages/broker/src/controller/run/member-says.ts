import type { AgentMessage } from '@muster/protocol';
import { refusal } from '../primitives/answers.js';
import type { PrimitiveQuestion } from '../primitives/primitives.js';
import { type Member, streamOf } from '../run-record.js';
import type { Turn } from '../turn.js';
import { begin, memberFinished, stopRun } from './loading.js';
import { memberPrepared, memberReady } from './preparing.js';
import type { Level, Run } from './run.js';
import { authored, breakRun } from './settling.js';

/** What an agent says about a run. */
export type RunMessage = Exclude<Extract<AgentMessage, { run?: unknown }>, { type: 'hello' | 'slot.released' }>;
type Of<T extends AgentMessage['type']> = Extract<AgentMessage, { type: T }>;

/** A member says something about its run. */
export const memberSays = (run: Run, turn: Turn, member: Member, message: RunMessage): void => {
  switch (message.type) {
    case 'prepared':
      memberPrepared(run, turn, member, message);
      return;
    case 'plan.ack':
      if (message.generation > member.acked) run.setMember(member.id, { acked: message.generation });
      return;
    case 'ready':
      memberReady(run, turn, member);
      return;
    case 'started':
      if (member.progress !== 'finished') run.setMember(member.id, { progress: 'loading' });
      begin(run, turn);
      return;
    case 'finished': {
      const stream = streamOf(member, run.record);
      const hasStream = message.streams.some((tail) => tail.stream === stream);
      memberFinished(run, turn, member, { outcome: message.outcome, hasStream });
      return;
    }
    case 'fault':
      memberFails(run, turn, member, message);
      return;
    case 'log':
      run.note(turn, levelOf(message.level), `${member.id}: ${message.message}`);
      return;
    default:
      memberAsks(run, turn, member, message);
  }
};

const levelOf = (level: Of<'log'>['level']): Level => (level === 'debug' ? 'info' : level);

/** A question by which the members agree on something. One that takes no part any more gets no answer but that. */
const memberAsks = (run: Run, turn: Turn, member: Member, question: PrimitiveQuestion): void => {
  if (member.lost) {
    const why = `${member.id} was lost to the run, which goes on without it`;
    run.answer(turn, [refusal(member.id, question.id, 'RUN_OVER', why)]);
    return;
  }
  const before = run.record.once;
  run.answer(turn, run.primitives.ask(member.id, question));
  if (question.type !== 'once.put') return;
  const now = run.record.once[question.name];
  if (now !== before[question.name] && now?.s !== 'computing') madeOnce(run, turn, member, question);
};

/** One of the system's own values was made, or could not be. */
const madeOnce = (run: Run, turn: Turn, member: Member, { name, value, error }: Of<'once.put'>): void => {
  if (error !== undefined && (name === 'setup' || name === 'teardown' || name === 'handleSummary')) {
    const where = error.where ?? null;
    const at = where === null ? '' : ` at ${where}`;
    run.event(turn, 'fault', `${error.code}: ${error.message}${at}`, { agent: member.id });
    run.note(turn, 'error', `${member.id}: ${error.message}${at}`);
    // What follows the load does not take back its results: it is told, and the run goes on to its end.
    if (name !== 'handleSummary')
      breakRun(run, turn, { code: error.code, message: error.message, where }, name === 'setup');
  }
  if (name === 'handleSummary') authored(run, turn, error === undefined ? value : null);
};

/** Something failed on an agent. What is fatal there ends the run; from a member that is lost it is only noted. */
const memberFails = (run: Run, turn: Turn, member: Member, fault: Of<'fault'>): void => {
  // A fatal one is told again until the run is over.
  if (fault.fatal && (member.failed || (fault.code === 'TEST_ABORTED' && run.record.stop !== null))) return;
  const where = fault.where ?? null;
  const at = where === null ? '' : ` at ${where}`;
  if (!toldByValue(run, fault)) {
    run.event(turn, 'fault', `${fault.code}: ${fault.message}${at}`, { agent: member.id });
    run.note(turn, fault.fatal ? 'error' : 'warn', `${member.id}: ${fault.message}${at}`);
  }
  if (fault.code === 'TEST_ABORTED') {
    stopRun(run, turn, { by: 'test', reason: fault.message }, false);
    return;
  }
  if (fault.phase === 'summary') {
    authored(run, turn, null);
    return;
  }
  if (fault.fatal) run.setMember(member.id, { failed: true });
  if (member.lost || !(fault.fatal || fault.phase === 'teardown')) return;
  breakRun(run, turn, { code: fault.code, message: fault.message, where }, fault.fatal);
};

const MADE_IN: Partial<Record<Of<'fault'>['phase'], string>> = {
  setup: 'setup',
  teardown: 'teardown',
  summary: 'handleSummary',
};

/** Whether it is why one of the system's own values could not be made, and was told as that. */
const toldByValue = (run: Run, { phase, code, message }: Of<'fault'>): boolean => {
  const value = run.record.once[MADE_IN[phase] ?? ''];
  return value?.s === 'failed' && value.code === code && value.message === message;
};
