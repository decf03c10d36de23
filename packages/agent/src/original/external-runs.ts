import type { AgentAnswer, AgentStatus, OriginalOrder } from '@muster/protocol';
import { MusterError } from '@muster/protocol';
import { earliest, NEVER, type Turn } from '../supervisor/turn.js';
import type { Asker, ExternalEffect, ExternalEvent } from './events.js';
import { ExternalJob, type ExternalTimes, type JobPort } from './external-job.js';
import { type RunSpec, readRunSpec } from './run-spec.js';

type Order<C extends OriginalOrder['command']> = Extract<OriginalOrder, { readonly command: C }>;

/** What runs of the original ask of the agent around them. */
export interface ExternalPort {
  /** Who answers; under a broker of the original it is called otherwise than under ours. */
  readonly identity: () => { readonly agent: string; readonly hostname: string; readonly pid: number };
  /** Why no run is taken now; null when one is. */
  readonly refusal: () => string | null;
  /** The agent is to end. */
  readonly quit: (turn: Turn) => void;
}

export interface ExternalConfig extends ExternalTimes {
  /** Stands in the ids of runs that have none: a client asked this agent by name. */
  readonly boot: string;
}

/** Somebody who waits until what was stopped is gone. */
interface Waiting {
  readonly from: Asker;
  readonly jobs: readonly ExternalJob[];
  readonly untilMs: number;
}

/**
 * A `STOP` is answered when everything is gone, or after so long with what still runs: less than the 5 s for which
 * brokers wait.
 */
const STOP_ANSWER_MS = 4_000;
/** The answer to `QUIT` gets so long to leave before the agent does. */
const QUIT_MS = 250;
/** Runs that are over and still told in a status. */
const KEPT = 32;
/** Messages of the broker that are remembered, so that a repeated one starts nothing again. */
const REMEMBERED = 1_000;

/**
 * Runs of the original on this agent: takes commands and what becomes of processes, returns what is to be done. Like
 * the supervisor that it is part of it does no I/O. Several may go on at once, as in the original, when clients ask for
 * it by name.
 */
export class ExternalRuns {
  readonly #config: ExternalConfig;
  readonly #port: ExternalPort;
  readonly #jobPort: JobPort;
  #jobs: readonly ExternalJob[] = [];
  #waiting: readonly Waiting[] = [];
  #seen: readonly string[] = [];
  #last = 0;
  #quitMs = NEVER;

  constructor(port: ExternalPort, config: ExternalConfig) {
    this.#port = port;
    this.#config = config;
    this.#jobPort = {
      do: (turn, effect) => this.#do(turn, effect),
      begun: (turn, job, fault) => this.#begun(turn, job, fault),
    };
  }

  get isBusy(): boolean {
    return this.#jobs.some((job) => !job.isOver);
  }
  /** Runs that go on. */
  get runs(): readonly string[] {
    return [...new Set(this.#jobs.flatMap((job) => (job.isOver ? [] : [job.run])))];
  }

  handle(turn: Turn, event: ExternalEvent): void {
    switch (event.type) {
      case 'order':
        this.#order(turn, event.from, event.order);
        break;
      case 'unreadable':
        this.#refuse(turn, event.from, event.why);
        break;
      case 'prepared':
        this.#job(event.job)?.prepared(turn);
        break;
      case 'unprepared':
        this.#job(event.job)?.unprepared(turn, event.why);
        break;
      case 'started':
        this.#job(event.job)?.started(turn, event.process, event.pid);
        break;
      case 'unstarted':
        this.#job(event.job)?.unstarted(turn, event.process, event.why);
        break;
      case 'ended':
        this.#job(event.job)?.ended(turn, event.process, event.left, event.fault);
        break;
      case 'gone':
        this.#job(event.job)?.gone(turn, event.process);
    }
  }

  /** Everything that runs is told to end, and after 5 s made to. */
  stop(turn: Turn): void {
    for (const job of this.#jobs) if (!job.isOver) job.stop(turn);
  }
  kill(turn: Turn): void {
    for (const job of this.#jobs) if (!job.isOver) job.kill(turn);
  }

  get nextMs(): number {
    return earliest(
      this.#quitMs,
      ...this.#jobs.map((job) => job.nextMs),
      ...this.#waiting.map(({ untilMs }) => untilMs),
    );
  }

  due(turn: Turn): void {
    for (const job of this.#jobs) job.due(turn);
    const over = this.#jobs.filter((job) => job.isOver);
    if (over.length > KEPT)
      this.#jobs = this.#jobs.filter((job) => !job.isOver || over.indexOf(job) >= over.length - KEPT);
    const settled = this.#waiting.filter(
      ({ jobs, untilMs }) => turn.nowMs >= untilMs || jobs.every((job) => job.isOver),
    );
    this.#waiting = this.#waiting.filter((each) => !settled.includes(each));
    for (const { from, jobs } of settled)
      this.#tell(turn, from, { status: statusOf(jobs, this.#pid), command: 'STOP' });
    if (turn.nowMs < this.#quitMs) return;
    this.#quitMs = NEVER;
    this.#port.quit(turn);
  }

  #job(number: number): ExternalJob | undefined {
    return this.#jobs.find(({ order }) => order.job === number);
  }
  get #pid(): number {
    return this.#port.identity().pid;
  }

  #do(turn: Turn, effect: ExternalEffect): void {
    turn.do({ type: 'external', effect });
  }

  #order(turn: Turn, from: Asker, order: OriginalOrder): void {
    if ('native' in from) {
      if (this.#seen.includes(from.native)) return;
      this.#seen = [...this.#seen.slice(1 - REMEMBERED), from.native];
    }
    switch (order.command) {
      case 'RUN':
        this.#run(turn, from, order);
        return;
      case 'STATUS':
      case '_STATUS':
        this.#tell(turn, from, { status: statusOf(this.#about(order.run_id), this.#pid), command: order.command });
        return;
      case 'STOP':
        this.#stop(turn, from, order);
        return;
      case 'QUIT':
        this.#quit(turn, from, order);
    }
  }

  #run(turn: Turn, from: Asker, order: Order<'RUN'>): void {
    const refusal = this.#port.refusal();
    if (refusal !== null) {
      this.#refuse(turn, from, refusal);
      return;
    }
    let spec: RunSpec;
    try {
      spec = readRunSpec(order.args);
    } catch (thrown) {
      this.#refuse(turn, from, textOf(thrown));
      return;
    }
    this.#last += 1;
    const run = order.run_id ?? `direct-${this.#config.boot.slice(0, 12)}-${this.#last}`;
    turn.log('info', `run ${run} of the original (${spec.label})`);
    const filedata = order.filedata ?? null;
    const job = new ExternalJob({ job: this.#last, run, spec, filedata, asker: from }, this.#jobPort, this.#config);
    this.#jobs = [...this.#jobs, job];
    job.begin(turn);
  }

  #begun(turn: Turn, { order, pid }: ExternalJob, fault: string | null): void {
    if (fault !== null) this.#refuse(turn, order.asker, fault);
    else {
      const { agent } = this.#port.identity();
      this.#tell(turn, order.asker, { pids: pid === null ? [] : [pid], agent_id: agent, command: 'RUN' });
    }
  }

  #about(run: string | undefined): readonly ExternalJob[] {
    return run === undefined ? this.#jobs : this.#jobs.filter((job) => job.run === run);
  }

  #stop(turn: Turn, from: Asker, order: Order<'STOP'>): void {
    const jobs = this.#about(order.run_id).filter((job) => !job.isOver);
    for (const job of jobs) job.stop(turn);
    this.#waiting = [...this.#waiting, { from, jobs, untilMs: turn.nowMs + STOP_ANSWER_MS }];
  }

  #quit(turn: Turn, from: Asker, order: Order<'QUIT'>): void {
    const jobs = this.#jobs.filter((job) => !job.isOver);
    if (jobs.length > 0 && order.force !== true) {
      this.#tell(turn, from, { status: statusOf(this.#jobs, this.#pid), command: 'QUIT' });
      return;
    }
    for (const job of jobs) job.stop(turn);
    this.#tell(turn, from, { status: {}, command: 'QUIT' });
    this.#quitMs = turn.nowMs + QUIT_MS;
  }

  #tell(turn: Turn, to: Asker, result: NonNullable<AgentAnswer['result']>): void {
    const { agent, hostname, pid } = this.#port.identity();
    this.#do(turn, { type: 'answer', to, answer: { result, hostname, agent_id: agent, pid } });
  }

  #refuse(turn: Turn, to: Asker, why: string): void {
    const { agent, hostname, pid } = this.#port.identity();
    const error = { agent_id: agent, error: why };
    this.#do(turn, { type: 'answer', to, answer: { error, hostname, agent_id: agent, pid } });
  }
}

/** By the process id of each; one that has no process yet stands under the agent's own. */
const statusOf = (jobs: readonly ExternalJob[], agentPid: number): AgentStatus =>
  Object.fromEntries(
    [...jobs]
      // Of two under one number the one that runs is told.
      .sort((a, b) => Number(b.isOver) - Number(a.isOver))
      .filter((job) => job.pid !== null || !job.isOver)
      .map((job) => [String(job.pid ?? agentPid), { status: job.isOver ? 'terminated' : 'running', run_id: job.run }]),
  );

const textOf = (thrown: unknown): string => MusterError.from(thrown).message.replace(/^\[\w+\] /, '');
