import type { Colors } from 'picocolors/types.js';

/** Where a command writes and what it is told from outside; tests give their own. */
export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** True when `out` is a terminal that can be drawn on. */
  readonly terminal: boolean;
  readonly columns: () => number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly colors: Colors;
  /** Calls back at each Ctrl-C (or SIGTERM); the answer takes the listener off. */
  readonly onInterrupt: (listener: () => void) => () => void;
  /** Asks one question on the terminal; resolves with the answer in lower case. */
  readonly ask: (question: string) => Promise<string>;
}
