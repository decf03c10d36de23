import {
  decodeOriginal,
  type Endpoints,
  encodeOriginal,
  INVALID_JSON,
  MusterError,
  NATIVE_VERSIONS,
  newestName,
  OriginalCommand,
} from '@muster/protocol';

/** What the answers in the dialect of the original are made of. */
export interface OriginalView {
  endpoints(): Endpoints;
  version(): string;
  agents(): readonly { readonly id: string; readonly pid: number; readonly hostname: string }[];
}

/** Commands of the original that this broker does not carry out. */
const KNOWN = /^CTRL_(RUN|LIST_RUNS|STOP_RUN|GET_DATA|GET_COUNTS|GET_URLS|GET_METADATA|AGENT_(STATUS|STOP|QUIT|RUN))$/;

/**
 * Answers a question in text. Unlike the original, which says nothing to a body without `command` and attaches
 * tracebacks, everything is answered, with one line.
 */
export const answerOriginal = (payload: Uint8Array, view: OriginalView): Buffer => {
  try {
    return encodeOriginal(answer(decodeOriginal(OriginalCommand, payload), view));
  } catch (thrown) {
    return encodeOriginal({ error: textOf(MusterError.from(thrown)) });
  }
};

const textOf = (error: MusterError): string =>
  error.message.includes(INVALID_JSON) ? INVALID_JSON : error.message.replace(/^\[\w+\] /, '');

const answer = (question: OriginalCommand, view: OriginalView): object => {
  switch (question.command) {
    case 'PING':
      return {
        result: {
          pid: process.pid,
          endpoints: view.endpoints(),
          agents: agentsOf(view),
          ...(question.native === undefined ? {} : { native: NATIVE_VERSIONS, version: view.version() }),
        },
      };
    case 'LIST':
      return { result: agentsOf(view) };
    default:
      if (KNOWN.test(newestName(question)))
        return { error: `unknown command ${question.command}: this version carries out what native clients ask` };
      return { error: `unknown command ${question.command}` };
  }
};

const agentsOf = (view: OriginalView): Readonly<Record<string, object>> =>
  Object.fromEntries(view.agents().map(({ id, pid, hostname }) => [id, { pid, hostname, agent_id: id }]));
