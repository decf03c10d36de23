import type { WorkerFault } from '@muster/engine';
import type { Code, RunId } from '@muster/protocol';
import type { WorkerExit } from '../worker-host/worker-exit.js';
import type { FromAgent } from './messages.js';

export type Fault = FromAgent<'fault'>;

const CODES: Readonly<Record<WorkerExit['reason'], Code>> = {
  asked: 'SCRIPT_EXIT',
  exit: 'SCRIPT_EXIT',
  memory: 'SCRIPT_MEMORY',
  hang: 'SCRIPT_HANG',
  lapsed: 'BROKER_LOST',
  signal: 'WORKER_DIED',
  start: 'WORKER_DIED',
};

/** Fits the wire's bounds for texts. */
export const cut = (text: string, length = 16_384): string => (text.length <= length ? text : text.slice(0, length));

/** What a worker said of a failure, as the broker is told. */
export const faultOf = (run: RunId, worker: number, fault: WorkerFault, fatal: boolean): Fault => ({
  type: 'fault',
  run,
  worker,
  phase: fault.phase,
  code: cut(fault.code, 64),
  message: cut(fault.message),
  ...(fault.where === undefined ? {} : { where: cut(fault.where) }),
  fatal,
});

/**
 * The death of a worker that nobody asked to end, as the broker is told. It is fatal for the run, but when the worker's
 * right to load had run out: then the broker has given its share away already, and the run goes on without this agent.
 */
export const deathOf = (run: RunId, worker: number, phase: Fault['phase'], exit: WorkerExit): Fault => ({
  type: 'fault',
  run,
  worker,
  phase,
  code: CODES[exit.reason],
  message: cut(exit.message),
  ...(exit.where === null ? {} : { where: cut(exit.where) }),
  fatal: exit.reason !== 'lapsed',
});

/** Values that the system itself has made once, by their names. */
const SYSTEM_CALLS: Readonly<Record<string, { readonly phase: Fault['phase']; readonly code: Code }>> = {
  setup: { phase: 'setup', code: 'SETUP_FAILED' },
  teardown: { phase: 'teardown', code: 'TEARDOWN_FAILED' },
  handleSummary: { phase: 'summary', code: 'SCRIPT_EXCEPTION' },
};

/** A value that was to be made once was made, and can't be carried. */
export const valueFault = (run: RunId, name: string, why: string): Fault => {
  const of = SYSTEM_CALLS[name] ?? { phase: 'run', code: 'SCRIPT_EXCEPTION' };
  const message = cut(`what ${name} gave can't be sent: ${why}`);
  return { type: 'fault', run, ...of, message, fatal: of.phase === 'setup' };
};

/** A fault as those hear it who wait for a value. */
export const errorOf = ({ code, message, where }: Fault): NonNullable<FromAgent<'once.put'>['error']> => ({
  code,
  message,
  ...(where === undefined ? {} : { where }),
});
