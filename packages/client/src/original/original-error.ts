import { INVALID_JSON, MusterError, NOT_ENOUGH_AGENTS } from '@muster/protocol';

/**
 * What a broker of the original answers in place of a result, as one of our errors: text for what the protocol
 * refuses, a list of a text and a traceback's lines for what its code threw. The lines are in `details.trace`.
 */
export const originalFault = (error: string | readonly string[], what: string): MusterError => {
  const [text = 'an error without a text', ...trace] = typeof error === 'string' ? [error] : error;
  const details = { command: what, ...(trace.length === 0 ? {} : { trace }) };
  if (text === NOT_ENOUGH_AGENTS) {
    return new MusterError('NOT_ENOUGH_AGENTS', 'fewer agents are free than the run asks for', { details });
  }
  // `nope` is what the original's controller says to a `CTRL_` name that it does not have.
  if (text === 'nope' || text.startsWith('unknown command')) {
    return new MusterError('UNKNOWN_COMMAND', `the broker knows no command ${what}`, { details });
  }
  if (text.startsWith('there is no observer')) return new MusterError('OBSERVER_UNKNOWN', text, { details });
  if (text.startsWith('wrong options of observers')) return new MusterError('BAD_CONFIG', text, { details });
  if (text === INVALID_JSON) return new MusterError('BAD_MESSAGE', text, { details });
  return new MusterError('BROKER_FAULT', `the broker failed at ${what}: ${text}`, { details });
};
