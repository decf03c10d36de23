import { format } from 'node:util';
import type { WorkerNews } from '../ipc.js';

type Level = Extract<WorkerNews, { readonly type: 'log' }>['level'];

/** Lines a second that are told; further ones are counted, and the count is told. */
const MAX_LINES = 100;
const MAX_LENGTH = 8_192;
const SECOND_MS = 1_000;

/** The author's `console`: each line goes to the supervisor, so many a second. */
export class AuthorConsole {
  readonly #tell: (news: WorkerNews) => void;
  #sinceMs = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #leftOut = 0;

  constructor(tell: (news: WorkerNews) => void) {
    this.#tell = tell;
  }

  install(): void {
    const levels = {
      debug: 'debug',
      log: 'info',
      info: 'info',
      warn: 'warn',
      error: 'error',
      trace: 'debug',
    } as const;
    for (const [name, level] of Object.entries(levels))
      Object.assign(console, {
        [name]: (...parts: unknown[]) => this.#line(level, format(...parts)),
      });
  }

  #line(level: Level, message: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#sinceMs >= SECOND_MS) {
      this.#sinceMs = nowMs;
      this.#lines = 0;
      if (this.#leftOut > 0)
        this.#tell({
          type: 'log',
          level: 'warn',
          message: `${this.#leftOut} lines of the test were left out`,
        });
      this.#leftOut = 0;
    }
    this.#lines += 1;
    if (this.#lines > MAX_LINES) this.#leftOut += 1;
    else this.#tell({ type: 'log', level, message: message.slice(0, MAX_LENGTH) });
  }
}
