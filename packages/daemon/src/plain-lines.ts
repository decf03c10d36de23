/** Level numbers of pino. */
const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

interface Line {
  readonly level?: number;
  readonly time?: number;
  readonly name?: string;
  readonly node?: string;
  readonly run?: string;
  readonly msg?: string;
  readonly err?: { readonly message?: string };
}

/**
 * A line of the log as people like to read it: `12:30:05 error agent web-7: what happened (run 0197…)`. The time is local.
 *
 * @param json the same as a program reads it; what is no JSON stays as it is
 */
export const plainLine = (json: string): string => {
  let line: Line;
  try {
    line = JSON.parse(json) as Line;
  } catch {
    return json;
  }
  const { level = 30, time, name, node, run, msg = '', err } = line;
  const at = time === undefined ? '' : `${new Date(time).toTimeString().slice(0, 8)} `;
  const who = [name, node].filter((word) => word !== undefined).join(' ');
  const why = err?.message === undefined || msg.includes(err.message) ? '' : `: ${err.message}`;
  const what = run === undefined || msg.includes(run) ? '' : ` (run ${run})`;
  return `${at}${LEVELS[level] ?? level} ${who}: ${msg}${why}${what}\n`;
};
