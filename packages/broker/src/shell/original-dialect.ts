import {
  type Endpoints,
  encodeOriginal,
  INVALID_JSON,
  MusterError,
  NATIVE_VERSIONS,
  type OriginalQuestion,
  readQuestion,
  type SignedOn,
} from '@muster/protocol';

/** What the answers in the dialect of the original are made of. */
export interface OriginalView {
  endpoints(): Endpoints;
  version(): string;
  agents(): readonly SignedOn[];
}

/** A question that somebody else answers. */
export type FurtherQuestion = Exclude<OriginalQuestion, { readonly name: 'PING' | 'LIST' }>;

/**
 * Reads a question in text, and answers it when it needs nothing but a look. Unlike the original, which says nothing to a
 * body without `command` and attaches tracebacks, everything is answered, with one line.
 */
export const readOriginal = (
  payload: Uint8Array,
  view: OriginalView,
): { readonly answer: Buffer } | { readonly question: FurtherQuestion } => {
  try {
    const question = readQuestion(payload);
    switch (question.name) {
      case 'PING':
        return { answer: encodeOriginal({ result: pong(view, question.fields.native !== undefined) }) };
      case 'LIST':
        return { answer: encodeOriginal({ result: agentsOf(view) }) };
      default:
        return { question };
    }
  } catch (thrown) {
    return { answer: encodeOriginal({ error: errorOf(MusterError.from(thrown)) }) };
  }
};

const pong = (view: OriginalView, native: boolean): object => ({
  pid: process.pid,
  endpoints: view.endpoints(),
  agents: agentsOf(view),
  ...(native ? { native: NATIVE_VERSIONS, version: view.version() } : {}),
});

const CONTROLLER = /^unknown command (CTRL_|AGENT_)/;

/** As the original: a text for what its protocol refuses, a list where it had an exception. */
const errorOf = (error: MusterError): string | readonly string[] => {
  const text = error.message.replace(/^\[\w+\] /, '');
  if (text.includes(INVALID_JSON)) return INVALID_JSON;
  if (error.code !== 'UNKNOWN_COMMAND') return [text];
  return CONTROLLER.test(text) ? ['nope', text] : text;
};

const agentsOf = (view: OriginalView): Readonly<Record<string, object>> =>
  Object.fromEntries(
    view.agents().map(({ agent, pid, hostname }) => [agent, { pid, hostname: hostname ?? '?', agent_id: agent }]),
  );
