import type { AgentAnswer } from '@muster/protocol';
import type { OriginalAnswerBody } from './events.js';

/** What the original refuses, in its form: a text. */
export const refused = (text: string): OriginalAnswerBody => ({ error: text });
/** Where the original answers an exception: a list that begins with its text. Lines of our code are nobody's business. */
export const failed = (text: string): OriginalAnswerBody => ({ error: [text] });

/** An agent's error as one text, whatever form it has. */
export const errorText = (error: unknown): string => {
  if (typeof error === 'string') return error.slice(0, 10_000);
  if (typeof error === 'object' && error !== null) {
    const { error: inner, exception } = error as { readonly error?: unknown; readonly exception?: unknown };
    if (typeof inner === 'string') return inner.slice(0, 10_000);
    if (typeof exception === 'string') return exception.slice(0, 10_000);
  }
  return JSON.stringify(error ?? null).slice(0, 10_000);
};

/** What an agent answers, for the client that asked it. */
export const relayed = (agent: string, answer: AgentAnswer): OriginalAnswerBody =>
  answer.error === undefined || answer.error === null
    ? { ...answer, result: answer.result ?? null }
    : refused(`${agent}: ${errorText(answer.error)}`);
