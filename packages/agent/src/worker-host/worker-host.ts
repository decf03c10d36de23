import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import { AuthorPlaces, type WatchdogLine, type WorkerNews, type WorkerOrder, workerEntry } from '@muster/engine';
import { LastLines } from './last-lines.js';
import type { WorkerExit } from './worker-exit.js';

export interface WorkerHostOptions {
  /** Heap of the worker's main thread. */
  readonly maxHeapMiB: number;
  /** Resident memory above which the worker's watchdog ends it; 0: no bound. */
  readonly maxRssBytes: number;
  /** A main loop that has not turned for so long is ended by the watchdog. */
  readonly hangMs: number;
  /** The bundle as a file, so that a line of it can be told in the author's words. */
  readonly bundlePath: string;
  /** The program of a worker. @default the engine's */
  readonly entry?: string;
  readonly onNews: (news: WorkerNews) => void;
  /** Called once; nothing comes after it. */
  readonly onExit: (exit: WorkerExit) => void;
  /** A line of the worker's standard output or error. */
  readonly onLine?: (line: string) => void;
}

const HEAP_GONE = /heap out of memory|Reached heap limit|ERR_WORKER_OUT_OF_MEMORY|Array buffer allocation failed/;

/** The parent's side of a worker process: orders and grants go in; news and one reason for its end come out. */
export class WorkerHost {
  readonly #child: ChildProcess;
  readonly #pipe: Socket;
  readonly #options: WorkerHostOptions;
  readonly #output: LastLines;
  readonly #errors: LastLines;
  /** What the watchdog said before it ended the process. */
  #verdict: Exclude<WatchdogLine, { readonly grant: unknown }> | null = null;
  #asked = false;
  #over = false;

  constructor(options: WorkerHostOptions) {
    this.#options = options;
    this.#output = new LastLines((line) => options.onLine?.(line));
    this.#errors = new LastLines((line) => options.onLine?.(line));
    this.#child = fork(options.entry ?? workerEntry(), [], {
      serialization: 'advanced',
      // A group of its own: a terminal's Ctrl-C goes to the whole group of the agent, which stops its workers in order.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
      // Not the parent's own: a debugger's port or a loader is not meant for every worker.
      execArgv: [`--max-old-space-size=${options.maxHeapMiB}`],
      env: {
        ...withoutToken(process.env),
        MUSTER_HANG_MS: String(options.hangMs),
        MUSTER_MAX_RSS_BYTES: String(options.maxRssBytes),
      },
    });
    this.#pipe = this.#child.stdio[4] as Socket;
    this.#listen();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }
  get isAlive(): boolean {
    return !this.#over;
  }

  #listen(): void {
    const child = this.#child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#output.add(text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#errors.add(text));
    child.on('message', (news) => this.#options.onNews(news as WorkerNews));
    child.on('error', (error) => {
      // A worker that never ran has no `close`.
      if (child.pid === undefined)
        this.#exit({ ...NOTHING, reason: 'start', message: `a worker can't be started: ${error.message}` });
    });
    // After the last message, the last line and the end of the watchdog's pipe.
    child.on('close', (code, signal) => {
      this.#output.end();
      this.#errors.end();
      this.#exit(this.#classify(code, signal));
    });
    // A worker that is gone takes no more grants: its exit says the rest.
    this.#pipe.on('error', () => this.#pipe.destroy());
    let rest = '';
    this.#pipe.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#heard(line);
    });
  }

  #heard(line: string): void {
    try {
      const said = JSON.parse(line) as WatchdogLine;
      if (!('grant' in said)) this.#verdict = said;
    } catch (thrown) {
      this.#errors.add(`the watchdog said what is no JSON: ${(thrown as Error).message}\n`);
    }
  }

  #classify(code: number | null, signal: NodeJS.Signals | null): WorkerExit {
    const how = { code, signal, where: null };
    const verdict = this.#verdict;
    if (verdict !== null && 'hang' in verdict) {
      const where = this.#authorPlace(verdict.hang.where);
      const message = `the test blocked its worker for ${Math.round(verdict.hang.blockedMs)} ms`;
      return { ...how, reason: 'hang', where, message };
    }
    if (verdict !== null && 'memory' in verdict) {
      const { rssBytes, maxRssBytes } = verdict.memory;
      const message = `a worker took ${mib(rssBytes)} MiB of memory, more than the ${mib(maxRssBytes)} it may`;
      return { ...how, reason: 'memory', message };
    }
    if (HEAP_GONE.test(this.#errors.text)) {
      const message = `a worker needed more than the ${this.#options.maxHeapMiB} MiB of heap it may take`;
      return { ...how, reason: 'memory', message };
    }
    if (verdict !== null && 'expired' in verdict)
      return { ...how, reason: 'lapsed', message: 'the right to load of a worker was over for a second' };
    if (this.#asked)
      return {
        ...how,
        reason: signal === null && code === 0 ? 'asked' : 'signal',
        message: `ended by ${signal ?? `exit code ${code}`}`,
      };
    const last = this.#errors.cause();
    const words = last === '' ? '' : `: ${last}`;
    return signal === null
      ? { ...how, reason: 'exit', message: `a worker ended by itself with exit code ${code}${words}` }
      : { ...how, reason: 'signal', message: `a worker was ended by ${signal}${words}` };
  }

  #authorPlace(at: string | null): string | null {
    const { bundlePath } = this.#options;
    const found = /^(.*):(\d+):(\d+)$/.exec(at ?? '');
    if (found === null || (found[1] !== bundlePath && found[1] !== pathToFileURL(bundlePath).href)) return null;
    try {
      return new AuthorPlaces(bundlePath).at(Number(found[2]), Number(found[3]));
    } catch (thrown) {
      this.#errors.add(`the author's line can't be found: ${(thrown as Error).message}\n`);
      return null;
    }
  }

  #exit(exit: WorkerExit): void {
    if (this.#over) return;
    this.#over = true;
    this.#pipe.destroy();
    this.#options.onExit(exit);
  }

  order(order: WorkerOrder): void {
    if (order.type === 'end') this.#asked = true;
    // A worker that died between two orders is told of by its exit.
    if (this.#child.connected) this.#child.send(order, () => undefined);
  }

  /** Straight to the watchdog thread, so that a blocked loop can't miss it. */
  grant(generation: number, until: number): void {
    const line: WatchdogLine = { grant: { generation, until } };
    if (this.#pipe.writable) this.#pipe.write(`${JSON.stringify(line)}\n`);
  }

  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    this.#asked = true;
    this.#child.kill(name);
  }
}

/** The author's code need not know how the agent signs on. */
const withoutToken = ({ MUSTER_TOKEN: _, ...env }: NodeJS.ProcessEnv): NodeJS.ProcessEnv => env;

const NOTHING = { code: null, signal: null, where: null } as const;
const mib = (bytes: number): number => Math.round(bytes / 1_048_576);
