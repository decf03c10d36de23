import type { Counted } from '../events.js';
import { type Member, type RunFault, type RunRecord, unfinished } from '../run-record.js';
import type { Turn } from '../turn.js';
import { judge } from '../verdict.js';
import type { Run } from './run.js';

/** What the verdict rests on when the results path does not answer. */
const NOTHING_COUNTED: Counted = { coverage: 0, failedThreshold: null, iterations: { completed: 0, failed: 0 } };

/** Something broke the run: the first reason counts, and none after the verdict. With `cut`, members are told to abort. */
export const breakRun = (run: Run, turn: Turn, fault: RunFault, cut: boolean): void => {
  if (run.record.verdict !== null) return;
  if (run.record.fault === null) run.set({ fault });
  if (cut) cutShort(run, turn);
};

/** Ends the load at once. */
export const cutShort = (run: Run, turn: Turn): void => {
  if (run.go('cut', endOfLoad(run, turn))) beginSettling(run, turn);
};

/** The load is over when every living member says so. */
export const settleIfOver = (run: Run, turn: Turn): void => {
  if (unfinished(run.record).length === 0 && run.go('over', endOfLoad(run, turn))) beginSettling(run, turn);
};

const endOfLoad = (run: Run, turn: Turn): Partial<RunRecord> => ({
  endedAt: turn.iso,
  durationMs: run.runMs(turn),
  members: run.record.members.map((member) => {
    const clock = run.port.agent(member.id)?.beat?.clock;
    return clock === undefined || clock === null
      ? member
      : { ...member, clockOffsetMs: clock.offsetMs, clockBoundMs: clock.boundMs };
  }),
});

const beginSettling = (run: Run, turn: Turn): void => {
  const { fault, stop } = run.record;
  run.publishState(turn, fault?.message ?? stop?.reason ?? 'the load is over');
  run.tellAll(turn);
  awaitStreams(run, turn);
};

/**
 * Waits for the streams: members that have to end yet get the time for that; once all living ones have closed their own,
 * what is still on its way gets the run's settling time.
 */
export const awaitStreams = (run: Run, turn: Turn): void => {
  const { endingMs } = run.port.config;
  const ending = unfinished(run.record).some((member) => run.isThere(member));
  run.settlingSinceMs ??= turn.nowMs;
  run.deadlineMs = ending ? run.settlingSinceMs + endingMs : turn.nowMs + run.record.settleMs;
  gatherIfComplete(run, turn);
};

/** A member has closed its stream, or is gone: if it was the last, the settling time begins. */
export const memberEnded = (run: Run, turn: Turn): void => {
  if (run.record.step !== 'collecting') return;
  if (unfinished(run.record).length === 0) awaitStreams(run, turn);
  else gatherIfComplete(run, turn);
};

/** Goes on when every stream is closed. A member of a run that never began has none. */
export const gatherIfComplete = (run: Run, turn: Turn): void => {
  const { step, startAtMs, members } = run.record;
  if (step !== 'collecting') return;
  const isThrough = (member: Member): boolean =>
    member.closed || (startAtMs === null && (member.progress === 'finished' || member.lost || member.released));
  if (members.every(isThrough)) gather(run, turn);
};

const gather = (run: Run, turn: Turn): void => {
  if (!run.go('gathered')) return;
  askForFigures(run, turn);
};

/** Asks the results path for what the verdict rests on. */
export const askForFigures = (run: Run, turn: Turn): void => {
  run.deadlineMs = turn.nowMs + run.port.config.figuresMs;
  turn.do({ type: 'count', run: run.record });
};

/** The figures are there: from here on the verdict stands. */
export const counted = (run: Run, turn: Turn, figures: Counted): void => {
  if (run.go('counted', judge(run.record, figures))) askForSummary(run, turn);
};

export const askForSummary = (run: Run, turn: Turn): void => {
  run.deadlineMs = turn.nowMs + run.port.config.figuresMs;
  turn.do({ type: 'summarise', run: run.record });
};

/** The summary is there: one member that can still run the author's `handleSummary` does. */
export const summarised = (run: Run, turn: Turn, summary: unknown): void => {
  if (!run.go('summarised')) return;
  const author = run.record.functions.includes('handleSummary') && summary !== null ? authorOf(run) : undefined;
  if (author === undefined) {
    authored(run, turn, null);
    return;
  }
  const timeoutMs = run.record.options?.handleSummaryTimeoutMs ?? 0;
  run.deadlineMs = turn.nowMs + timeoutMs + run.port.config.lostMs;
  run.set({ once: { ...run.record.once, handleSummary: { s: 'computing', agent: author.id, id: '' } } });
  turn.send(author.id, { type: 'summarize', run: run.id, summary });
};

const authorOf = (run: Run): Member | undefined =>
  run.record.members.find(
    (member) =>
      member.progress === 'finished' && !member.failed && !member.lost && !member.released && run.isThere(member),
  );

/** The author's `handleSummary` is through, or there is none: everything is kept that the run leaves. */
export const authored = (run: Run, turn: Turn, made: unknown): void => {
  const handleSummary = filesOf(made);
  if (!run.go('authored', { handleSummary })) return;
  conclude(run, turn);
};

/** Has everything kept that the run leaves; answered by `concluded`. */
export const conclude = (run: Run, turn: Turn): void => {
  run.deadlineMs = turn.nowMs + run.port.config.figuresMs;
  turn.do({ type: 'conclude', run: run.record, handleSummary: run.record.handleSummary });
};

/** Whoever ran `handleSummary` is gone: the run ends without what it would have made. */
export const authorLost = (run: Run, turn: Turn, agent: string): void => {
  const { step, once } = run.record;
  const author = once.handleSummary;
  if (step === 'authoring' && author?.s === 'computing' && author.agent === agent) authored(run, turn, null);
};

/** File names and their texts; what is no text becomes JSON. */
const filesOf = (made: unknown): Readonly<Record<string, string>> | null =>
  typeof made === 'object' && made !== null
    ? Object.fromEntries(
        Object.entries(made).map(([name, text]) => [
          name,
          typeof text === 'string' ? text : (JSON.stringify(text) ?? ''),
        ]),
      )
    : null;

/** What was waited for has taken too long. */
export const settlingIsLate = (run: Run, turn: Turn): void => {
  switch (run.record.step) {
    case 'collecting':
      if (unfinished(run.record).length === 0) gather(run, turn);
      else giveUpUnfinished(run, turn);
      return;
    case 'counting': {
      const seconds = run.port.config.figuresMs / 1_000;
      const fault = { code: 'TIMEOUT', message: `the store did not give the figures in ${seconds} s`, where: null };
      breakRun(run, turn, fault, false);
      counted(run, turn, NOTHING_COUNTED);
      return;
    }
    case 'summarising':
      summarised(run, turn, null);
      return;
    case 'authoring':
      run.note(turn, 'warn', 'handleSummary took too long: what it makes is not kept');
      authored(run, turn, null);
      return;
    default:
      return;
  }
};

/** Who is not there was given up long ago by everybody else; who is there gets its time to end, once. */
const giveUpUnfinished = (run: Run, turn: Turn): void => {
  const late = turn.nowMs >= (run.settlingSinceMs ?? 0) + run.port.config.endingMs;
  for (const member of unfinished(run.record)) {
    if (!late && run.isThere(member)) continue;
    run.setMember(member.id, { lost: true });
    run.event(turn, 'lost', `agent ${member.id} did not end in time`, { agent: member.id });
  }
  awaitStreams(run, turn);
};
