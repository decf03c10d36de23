import { type ChildProcess, spawn } from 'node:child_process';
import { LastLines } from '../worker-host/last-lines.js';
import { type GroupWatch, groupExists } from './group-watch.js';
import type { GroupNotes } from './leftovers/group-notes.js';

/** What becomes of a process; `gone` follows `ended` only if others of its group were left. */
export interface ProcessNews {
  started(pid: number): void;
  unstarted(why: string): void;
  ended(left: boolean, fault: string | null): void;
  gone(): void;
}

/** Whatever works for a run: a program with all that it starts, or a worker of ours. */
export interface RunProcess {
  signal(name: 'SIGTERM' | 'SIGKILL'): void;
}

export interface ProcessOrder {
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly watch: GroupWatch;
  readonly notes: GroupNotes;
  readonly onLine: (line: string) => void;
}

/** A program in a session of its own, so that a signal reaches everything that it started. It has no input. */
export class ExternalProcess implements RunProcess {
  readonly #child: ChildProcess;
  readonly #news: ProcessNews;
  readonly #order: ProcessOrder;
  readonly #lines: LastLines;
  #isRunning = false;

  constructor(order: ProcessOrder, news: ProcessNews) {
    this.#order = order;
    this.#news = news;
    this.#lines = new LastLines(order.onLine);
    this.#child = spawn(order.command, order.args, {
      cwd: order.folder,
      env: order.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (this.#child.pid !== undefined) order.notes.started(this.#child.pid, order.env.LOADS_AGENT_ID ?? null);
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => this.#lines.add(text));
    this.#child.once('spawn', () => {
      this.#isRunning = true;
      news.started(this.#child.pid ?? 0);
    });
    this.#child.on('error', (error) => {
      // One that runs already is told of by its end.
      if (!this.#isRunning) news.unstarted(`${order.command} can't be started: ${error.message}`);
    });
    this.#child.once('exit', (code, signal) => this.#ended(code, signal));
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    const group = this.#child.pid;
    const left = group !== undefined && groupExists(group);
    if (left) this.#order.watch.add(group, () => this.#gone(group));
    else if (group !== undefined) this.#order.notes.ended(group);
    const how = signal === null ? `exit code ${code}` : String(signal);
    const last = this.#lines.cause();
    const words = last === '' ? '' : `: ${last}`;
    this.#news.ended(left, code === 0 ? null : `${this.#order.command} (${group}) ended with ${how}${words}`);
  }

  #gone(group: number): void {
    this.#order.notes.ended(group);
    this.#news.gone();
  }

  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    const group = this.#child.pid;
    if (group === undefined) return;
    try {
      process.kill(-group, name);
    } catch (thrown) {
      // It is gone already, or is somebody else's: then the watch tells.
      const { code } = thrown as NodeJS.ErrnoException;
      if (code !== 'ESRCH' && code !== 'EPERM') throw thrown;
    }
  }
}
