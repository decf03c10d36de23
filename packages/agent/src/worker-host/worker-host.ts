import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import {
  AuthorPlaces,
  type WatchdogLine,
  type WorkerFault,
  type WorkerNews,
  type WorkerOrder,
  workerEntry,
} from '@muster/engine';

export interface WorkerHostOptions {
  readonly maxHeapMb: number;
  /** Resident memory above which the worker is ended. 0: no bound. */
  readonly maxRssBytes: number;
  readonly hangMs: number;
  /** Where bundles lie, so that a line of one can be told in the author's words. */
  readonly bundlePath: () => string | null;
  readonly onNews: (news: WorkerNews) => void;
  /** The process is gone; the fault is null when it was told to go. */
  readonly onExit: (fault: WorkerFault | null) => void;
}

/** Lines of a worker's standard error that are kept to say why it died. */
const KEPT_ERROR_CHARS = 8_192;

/** The parent's side of a worker process: orders and grants go in, news and one reason for its end come out. */
export class WorkerHost {
  readonly #child: ChildProcess;
  readonly #pipe: Socket;
  readonly #options: WorkerHostOptions;
  #errors = '';
  #ended = false;
  #told: WorkerFault | null = null;
  #asked = false;

  constructor(options: WorkerHostOptions) {
    this.#options = options;
    this.#child = fork(workerEntry(), [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe'],
      execArgv: [`--max-old-space-size=${options.maxHeapMb}`],
      env: {
        ...process.env,
        MUSTER_HANG_MS: String(options.hangMs),
        MUSTER_MAX_RSS_BYTES: String(options.maxRssBytes),
      },
    });
    this.#pipe = this.#child.stdio[4] as Socket;
    this.#pipe.on('error', () => this.#pipe.destroy());
    this.#listen();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }
  get alive(): boolean {
    return !this.#ended;
  }

  #listen(): void {
    const child = this.#child;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-KEPT_ERROR_CHARS);
    });
    child.on('message', (news) => this.#options.onNews(news as WorkerNews));
    child.on('error', (error) =>
      this.#exit({
        phase: 'run',
        code: 'WORKER_DIED',
        message: `a worker could not be started or reached: ${error.message}`,
      }),
    );
    // `close` comes after the last message and the last line of standard error.
    child.on('close', (code, signal) => this.#exit(this.#reason(code, signal)));
    let rest = '';
    this.#pipe.setEncoding('utf8');
    this.#pipe.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#heard(JSON.parse(line) as WatchdogLine);
    });
  }

  #heard(line: WatchdogLine): void {
    if ('hang' in line) {
      const where = this.#authorPlace(line.hang.where);
      this.#told = {
        phase: 'run',
        code: 'SCRIPT_HANG',
        message: `the test blocked its worker for ${line.hang.blockedMs} ms`,
        ...(where === null ? {} : { where }),
      };
    } else if ('memory' in line) {
      this.#told = {
        phase: 'run',
        code: 'SCRIPT_MEMORY',
        message: `a worker used ${mb(line.memory.rssBytes)} MB of memory, more than its ${mb(line.memory.maxRssBytes)}`,
      };
    } else if ('expired' in line) {
      this.#told = { phase: 'run', code: 'WORKER_DIED', message: 'a worker went on after its right to load was over' };
    }
  }

  #authorPlace(url: string | null): string | null {
    const path = this.#options.bundlePath();
    const found = url === null ? null : /:(\d+):(\d+)$/.exec(url);
    if (path === null || found === null || !(url ?? '').includes(path)) return null;
    return new AuthorPlaces(path).at(Number(found[1]), Number(found[2]));
  }

  #reason(code: number | null, signal: NodeJS.Signals | null): WorkerFault | null {
    if (this.#told !== null) return this.#told;
    if (this.#asked || code === 0) return null;
    if (/heap out of memory|Allocation failed|ERR_WORKER_OUT_OF_MEMORY/.test(this.#errors)) {
      return {
        phase: 'run',
        code: 'SCRIPT_MEMORY',
        message: `a worker needed more than its ${this.#options.maxHeapMb} MB of heap`,
      };
    }
    const last = this.#errors.trim().split('\n').slice(-3).join(' | ');
    return {
      phase: 'run',
      code: 'WORKER_DIED',
      message: `a worker ended by itself (${signal ?? `exit code ${code}`})${last === '' ? '' : `: ${last}`}`,
    };
  }

  #exit(fault: WorkerFault | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#pipe.destroy();
    this.#options.onExit(fault);
  }

  order(order: WorkerOrder): void {
    if (order.type === 'end') this.#asked = true;
    if (this.#child.connected) this.#child.send(order, () => undefined);
  }

  /** Straight to the watchdog thread, so that a blocked loop can't miss it. */
  grant(generation: number, until: number): void {
    if (this.#pipe.writable)
      this.#pipe.write(`${JSON.stringify({ grant: { generation, until } } satisfies WatchdogLine)}\n`);
  }

  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    this.#asked = true;
    this.#child.kill(name);
  }
}

const mb = (bytes: number): number => Math.round(bytes / 1_048_576);
