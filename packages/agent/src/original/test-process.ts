import { writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { WorkerNews } from '@muster/engine';
import { isHttpUrl, resolveOptions } from '@muster/plan';
import { MusterError, machineMs, TIMES } from '@muster/protocol';
import type { WorkerExit } from '../worker-host/worker-exit.js';
import { WorkerHost } from '../worker-host/worker-host.js';
import type { LoadsRow } from './events.js';
import type { ProcessNews, RunProcess } from './external-process.js';
import type { GroupNotes } from './leftovers/group-notes.js';
import { fileInRunFolder, type RunFolder } from './run-folder.js';
import type { Step, Target } from './run-spec.js';
import { rowsOfSecond } from './test-rows.js';

export interface TestOrder {
  readonly run: string;
  readonly agent: string;
  readonly target: Extract<Target, { readonly kind: 'test' }>;
  readonly label: string;
  readonly step: Step;
  readonly folder: RunFolder;
  /** What the test finds in its environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly maxHeapMiB: number;
  readonly hangMs: number;
  readonly notes: GroupNotes;
  readonly onLine: (line: string) => void;
  readonly onRows: (rows: readonly LoadsRow[]) => void;
}

type Question = Extract<WorkerNews, { readonly type: 'claim' | 'once.get' | 'once.put' | 'barrier' }>;

/** Between the plan and the start. */
const START_MS = 100;
const GRANT_MS = 500;
/** What runs when it is told to stop gets so long: less than the 5 s after which it is killed. */
const GRACEFUL_STOP = '3s';
const SCENARIO = 'loads';

/**
 * A step of a test of ours under a run of the original: one worker with all users of the step. It is bundled here, for
 * the client sent the file as it is. The options that say how much load there is are the run's, not the file's.
 */
export class TestProcess implements RunProcess {
  readonly #order: TestOrder;
  readonly #news: ProcessNews;
  #host: WorkerHost | null = null;
  #granting: NodeJS.Timeout | null = null;
  #startAt: number | null = null;
  #startedAtMs = Date.now();
  #functions: readonly string[] = [];
  #data: unknown;
  #fault: string | null = null;
  #isStopped = false;
  #isOver = false;

  constructor(order: TestOrder, news: ProcessNews) {
    this.#order = order;
    this.#news = news;
    void this.#begin();
  }

  async #begin(): Promise<void> {
    try {
      const bundlePath = await this.#bundle();
      if (this.#isStopped) throw new MusterError('ABORTED', 'it was stopped before it began');
      this.#start(bundlePath);
    } catch (thrown) {
      this.#isOver = true;
      this.#news.unstarted(MusterError.from(thrown).message);
    }
  }

  async #bundle(): Promise<string> {
    const { folder, target } = this.#order;
    const file = await fileInRunFolder(folder, target.file);
    const { bundleFile } = await import('@muster/bundle').catch((cause: unknown) => {
      throw new MusterError('NOT_SUPPORTED', 'this agent can run no test file: @muster/bundle is not installed', {
        cause,
        hint: 'npm install @muster/bundle beside the agent, or give test_runner',
      });
    });
    const { bytes } = await bundleFile(file);
    const path = join(folder.path, 'muster-bundle.mjs');
    await writeFile(path, bytes);
    return path;
  }

  #start(bundlePath: string): void {
    const { run, agent, label, env, maxHeapMiB, hangMs, onLine } = this.#order;
    const host = new WorkerHost({
      maxHeapMiB,
      maxRssBytes: maxHeapMiB * 2 * 1_048_576,
      hangMs,
      bundlePath,
      onNews: (news) => this.#heard(news),
      onExit: (exit) => this.#ended(exit),
      onLine,
    });
    this.#host = host;
    if (host.pid !== undefined) this.#order.notes.started(host.pid, null);
    host.order({
      type: 'init',
      run,
      name: label,
      bundlePath,
      env,
      seed: 0,
      raw: 'all',
      rowsPerSecond: 0,
      events: true,
      agent: { id: agent, node: agent, labels: {} },
      worker: 0,
      workers: 1,
    });
    if (host.pid !== undefined) this.#news.started(host.pid);
  }

  #heard(news: WorkerNews): void {
    switch (news.type) {
      case 'loaded':
        this.#loaded(news);
        return;
      case 'called':
        if (news.error !== undefined) this.#fail(news.error.code, news.error.message, news.error.where);
        else if (news.fn === 'setup') this.#give(news.value);
        else this.#end();
        return;
      case 'ready':
        this.#go();
        return;
      case 'window':
        this.#rows(news);
        return;
      case 'done':
        if (this.#functions.includes('teardown')) this.#call('teardown', TIMES.teardownMs);
        else this.#end();
        return;
      case 'fault':
        if (news.fatal) this.#fail(news.fault.code, news.fault.message, news.fault.where);
        return;
      case 'abort':
        this.#host?.order({ type: 'stop', reason: news.reason });
        return;
      case 'log':
        this.#order.onLine(news.message);
        return;
      case 'claim':
      case 'once.get':
      case 'once.put':
      case 'barrier':
        this.#refuse(news);
        return;
      case 'started':
      case 'stats':
        return;
    }
  }

  #loaded({ options, functions, metrics }: Extract<WorkerNews, { readonly type: 'loaded' }>): void {
    const { agent, step, target, env } = this.#order;
    this.#functions = functions;
    const common = { exec: target.exec, vus: step.users, gracefulStop: GRACEFUL_STOP };
    const scenario =
      step.durationS === null
        ? { ...common, executor: 'per-vu-iterations', iterations: step.hits ?? 1, maxDuration: '24h' }
        : { ...common, executor: 'constant-vus', duration: `${Math.round(step.durationS * 1_000)}ms` };
    const resolved = resolveOptions(
      options,
      {
        scenarios: { [SCENARIO]: scenario },
        ...(isHttpUrl(env.BASE_URL ?? '') ? { baseUrl: env.BASE_URL } : {}),
      },
      { functions, metrics },
    );
    if (!resolved.ok) {
      this.#fail('BAD_OPTIONS', resolved.faults.map((fault) => fault.message).join('; '));
      return;
    }
    const plan = { type: 'plan', fromMs: 0, members: [agent] } as const;
    this.#host?.order({ ...plan, generation: 0, startAt: null, options: resolved.options });
    if (functions.includes('setup')) this.#call('setup', resolved.options.setupTimeoutMs);
    else this.#give(undefined);
  }

  #call(fn: 'setup' | 'teardown', timeoutMs: number): void {
    this.#host?.order({ type: 'call', fn, data: this.#data, timeoutMs });
  }
  #give(data: unknown): void {
    this.#data = data;
    this.#host?.order({ type: 'data', data });
  }

  /** There is nobody who could take the load away: the right to it is drawn out for as long as this process lives. */
  #go(): void {
    const startAt = machineMs() + START_MS;
    this.#startAt = startAt;
    this.#startedAtMs = Date.now() + START_MS;
    const { agent } = this.#order;
    this.#host?.order({ type: 'plan', generation: 1, fromMs: 0, startAt, members: [agent] });
    const grant = (): void => this.#host?.grant(1, machineMs() + TIMES.leaseMs + START_MS);
    grant();
    this.#granting = setInterval(grant, GRANT_MS);
  }

  #rows(second: Extract<WorkerNews, { readonly type: 'window' }>): void {
    const { label, step, onRows, onLine } = this.#order;
    try {
      onRows(rowsOfSecond(second, { label, step, startedAtMs: this.#startedAtMs, hostname: hostname() }));
    } catch (thrown) {
      onLine(`a second of results is lost: ${MusterError.from(thrown).message}`);
    }
  }

  #refuse({ id, type }: Question): void {
    const message = `"${type}" needs a run of a broker of ours: this one is of the original`;
    this.#host?.order({ type: 'reply', id, error: { code: 'NOT_SUPPORTED', message } });
  }

  /** The test itself is broken: told as an error of the test, and over. */
  #fail(code: string, message: string, where = ''): void {
    this.#fault ??= message;
    this.#error(code, message, where);
    this.#end();
  }
  #error(code: string, message: string, where: string): void {
    const { label, step, onRows } = this.#order;
    const status = [step.hits ?? 0, step.users, 0, 0];
    onRows([{ data_type: 'addError', test: label, exc_info: [code, message, where], loads_status: status }]);
  }

  #end(): void {
    this.#host?.order({ type: 'end' });
  }

  #ended({ reason, message, where }: WorkerExit): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#host?.pid !== undefined) this.#order.notes.ended(this.#host.pid);
    if (this.#granting !== null) clearInterval(this.#granting);
    if (reason !== 'asked' && this.#fault === null && !this.#isStopped) {
      this.#fault = message;
      this.#error('WORKER_DIED', message, where ?? '');
    }
    this.#news.ended(false, this.#fault);
  }

  /** Asked first to end what runs, so that the open second is told; one that has not begun ends at once. */
  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    this.#isStopped = true;
    if (name === 'SIGTERM' && this.#startAt !== null) this.#host?.order({ type: 'stop', reason: 'the run is stopped' });
    else this.#host?.signal(name);
  }
}
