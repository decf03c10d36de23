/** Names that earlier generations used for what the newest calls `CTRL_…`. */
const OLDER: ReadonlyMap<string, string> = new Map([
  ['RUN', 'CTRL_RUN'],
  ['LISTRUNS', 'CTRL_LIST_RUNS'],
  ['STOPRUN', 'CTRL_STOP_RUN'],
  ['GET_DATA', 'CTRL_GET_DATA'],
  ['GET_COUNTS', 'CTRL_GET_COUNTS'],
  ['GET_URLS', 'CTRL_GET_URLS'],
  ['GET_METADATA', 'CTRL_GET_METADATA'],
]);
/** What the first generation said to an agent by giving an `agent_id` beside it. */
const TO_AGENT: ReadonlySet<string> = new Set(['STATUS', 'STOP', 'QUIT', 'RUN']);

/** The newest name of a command, whatever generation asked. */
export const newestName = (question: { readonly command: string; readonly agent_id?: unknown }): string => {
  const { command } = question;
  if (question.agent_id !== undefined && TO_AGENT.has(command)) return `CTRL_AGENT_${command}`;
  // The original looks up what follows `CTRL_` in small letters, so it never mattered how it was written.
  if (command.startsWith('CTRL_')) return command.toUpperCase();
  return OLDER.get(command) ?? command;
};
