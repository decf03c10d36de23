import type { AgentInfo, ClientMessage, RunId, RunInfo } from '@muster/protocol';
import type { KnownAgent, Registry } from '../agents/registry.js';
import type { ResolvedConfig } from '../controller-config.js';
import type { FreshRun } from '../events.js';
import { stopRun } from '../run/loading.js';
import { beginPreparing } from '../run/preparing.js';
import type { Run } from '../run/run.js';
import { infoOf, type RunRecord } from '../run-record.js';
import type { Turn } from '../turn.js';
import { done, type Outcome, refuse } from './repeats.js';
import { admit, type SubmitMessage } from './submit.js';

/** What clients may ask of the controller. */
export interface QuestionPort {
  readonly config: ResolvedConfig;
  readonly registry: Registry;
  run(id: RunId): Run | undefined;
  /** It was one of this broker's, and is over. */
  isFinished(id: RunId): boolean;
  live(): readonly RunInfo[];
  agents(): readonly AgentInfo[];
  admit(record: RunRecord): Run;
  drain(agent: KnownAgent): void;
}

/** Questions that must not be done twice when they are asked twice. */
export const changesSomething = ({ type }: ClientMessage): boolean =>
  type === 'submit' || type === 'stop' || type === 'annotate' || type === 'drain' || type === 'steer';

/** The answer to a client's question; null when the store will answer it. */
export const answerQuestion = (
  port: QuestionPort,
  turn: Turn,
  client: string,
  message: ClientMessage,
  fresh: FreshRun | undefined,
): Outcome | null => {
  switch (message.type) {
    case 'submit':
      return submit(port, turn, message, fresh);
    case 'agents':
      return done(port.agents());
    case 'stop':
      return onRun(port, message.run, (run) => {
        // Asked a second time, a stop that must not wait is an abort.
        stopRun(run, turn, { by: 'user', reason: message.reason }, message.force);
      });
    case 'annotate':
      return onRun(port, message.run, (run) => {
        run.event(turn, 'note', message.text);
        run.note(turn, 'info', message.text);
      });
    case 'attach': {
      const run = port.run(message.run);
      if (run === undefined) return lookUp(port, turn, client, message);
      const { record, lastProgress, notes } = run;
      return done({ run: infoOf(record), number: record.number, progress: lastProgress, notes });
    }
    case 'drain': {
      const agent = port.registry.get(message.agent);
      if (agent === undefined) return refuse('AGENT_UNKNOWN', `there is no agent ${message.agent}`);
      port.drain(agent);
      return done();
    }
    case 'runs':
    case 'show':
    case 'query':
      return lookUp(port, turn, client, message);
    case 'steer':
      return refuse('NOT_SUPPORTED', `"${message.action}": a running run can't be changed yet, only stopped`);
    default:
      return refuse('UNKNOWN_COMMAND', `"${message.type}" is not a question for the controller`);
  }
};

const lookUp = (port: QuestionPort, turn: Turn, client: string, message: ClientMessage): null => {
  turn.do({ type: 'look-up', client, message, live: port.live() });
  return null;
};

const onRun = (port: QuestionPort, id: RunId, act: (run: Run) => void): Outcome => {
  const run = port.run(id);
  if (run === undefined)
    return port.isFinished(id)
      ? refuse('RUN_OVER', `run ${id} is finished`)
      : refuse('RUN_UNKNOWN', `run ${id} is not one that goes on`);
  act(run);
  return done();
};

const submit = (port: QuestionPort, turn: Turn, message: SubmitMessage, fresh: FreshRun | undefined): Outcome => {
  if (fresh === undefined) return refuse('INTERNAL', 'a submission came without what a new run needs');
  const admitted = admit(message, fresh, {
    config: port.config,
    registry: port.registry,
    runs: port.live().filter((run) => run.state !== 'finished').length,
    submittedAt: turn.iso,
  });
  if ('ok' in admitted) return admitted;
  const run = port.admit(admitted);
  beginPreparing(run, turn);
  return done({ run: admitted.id, agents: admitted.members.map((member) => member.id) });
};
