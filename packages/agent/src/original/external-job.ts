import { NEVER, type Turn } from '../supervisor/turn.js';
import type { Asker, ExternalEffect } from './events.js';
import { type RunSpec, stepLimitMs } from './run-spec.js';

/** Numbers of runs of the original; each has a default. */
export interface ExternalTimes {
  /** From SIGTERM to SIGKILL. @default 5_000, the original's */
  readonly ladderMs: number;
  /** What its processes pushed last gets so long to arrive before the run's end is told. @default 500 */
  readonly settleMs: number;
}

/**
 * Where a run of the original is on this agent.
 *
 * | state     | what happens                           | next      | and                                     |
 * |-----------|----------------------------------------|-----------|-----------------------------------------|
 * | preparing | the folder is there                    | stepping  | `startTestRun`; a process for each user |
 * | preparing | it can't be made                       | settling  | the answer is an error                  |
 * | stepping  | no process is left, the limit is reached | reaping | SIGTERM for what is left                |
 * | any before settling | STOP                         | reaping   | no further step                         |
 * | reaping   | 5 s are over                           | reaping   | SIGKILL                                 |
 * | reaping   | nobody is left, there is a next step   | stepping  | its processes                           |
 * | reaping   | nobody is left, there is none          | settling  |                                         |
 * | settling  | a moment is over                       | closing   | `stopTestRun`                           |
 * | closing   | a moment is over                       | over      | its folder goes                         |
 */
type JobState =
  | { readonly s: 'preparing' }
  | { readonly s: 'stepping'; readonly step: number; readonly limitMs: number }
  | { readonly s: 'reaping'; readonly next: number; readonly killMs: number }
  | { readonly s: 'settling'; readonly untilMs: number }
  | { readonly s: 'closing'; readonly untilMs: number }
  | { readonly s: 'over' };

/** `left`: it ended, others of its group did not. */
type ProcessState = 'starting' | 'running' | 'left' | 'gone';

/** What a job says to those around it. */
export interface JobPort {
  do(turn: Turn, effect: ExternalEffect): void;
  /** Its first process has been started; or, with a reason, none ever will. Called once. */
  begun(turn: Turn, job: ExternalJob, fault: string | null): void;
}

export interface JobOrder {
  readonly job: number;
  readonly run: string;
  readonly spec: RunSpec;
  readonly filedata: string | null;
  readonly asker: Asker;
}

/** One `RUN` at work: its folder, the steps, the processes of each, and their end. */
export class ExternalJob {
  readonly order: JobOrder;
  readonly #port: JobPort;
  readonly #times: ExternalTimes;
  readonly #processes = new Map<number, ProcessState>();
  #state: JobState = { s: 'preparing' };
  #stopping = false;
  #begun = false;
  #told = false;
  #faulty = false;
  #next = 0;
  #pid: number | null = null;

  constructor(order: JobOrder, port: JobPort, times: ExternalTimes) {
    this.order = order;
    this.#port = port;
    this.#times = times;
  }

  get run(): string {
    return this.order.run;
  }
  /** Of its first process; null before there is one. */
  get pid(): number | null {
    return this.#pid;
  }
  get isOver(): boolean {
    return this.#state.s === 'over';
  }

  begin(turn: Turn): void {
    const { job, run, spec, filedata } = this.order;
    this.#port.do(turn, { type: 'prepare', job, run, spec, filedata });
  }

  prepared(turn: Turn): void {
    if (this.#state.s !== 'preparing') return;
    if (this.#stopping) this.#begin(turn, 'it was stopped before it began');
    else this.#row(turn, { data_type: 'startTestRun' });
    this.#step(turn, 0);
  }

  unprepared(turn: Turn, why: string): void {
    if (this.#state.s === 'preparing') this.#fail(turn, why);
  }

  started(turn: Turn, process: number, pid: number): void {
    if (this.#processes.get(process) !== 'starting') return;
    this.#processes.set(process, 'running');
    this.#pid ??= pid;
    this.#begin(turn, null);
  }

  unstarted(turn: Turn, process: number, why: string): void {
    if (this.#processes.get(process) !== 'starting') return;
    this.#processes.set(process, 'gone');
    if (!this.#begun) {
      // The first can't be started, so none can.
      this.#fault(turn, why);
      this.#begin(turn, why);
      this.#reap(turn, null);
      return;
    }
    if (this.#state.s === 'stepping') this.#fault(turn, why);
    this.#look(turn);
  }

  ended(turn: Turn, process: number, left: boolean, fault: string | null): void {
    const before = this.#processes.get(process);
    if (before === undefined || before === 'gone') return;
    this.#processes.set(process, left ? 'left' : 'gone');
    if (fault !== null) this.#tellFault(turn, fault);
    this.#look(turn);
  }

  gone(turn: Turn, process: number): void {
    if (!this.#processes.has(process)) return;
    this.#processes.set(process, 'gone');
    this.#look(turn);
  }

  /** No further step; what runs is told to end, and after a while made to. */
  stop(turn: Turn): void {
    if (this.#stopping) return;
    this.#stopping = true;
    const { s } = this.#state;
    if (s === 'stepping') this.#reap(turn, null);
    else if (this.#state.s === 'reaping') {
      this.#state = { ...this.#state, next: this.order.spec.steps.length };
      this.#look(turn);
    }
  }

  /** The last step of the ladder, at once. */
  kill(turn: Turn): void {
    this.stop(turn);
    if (this.#state.s !== 'reaping') return;
    this.#state = { ...this.#state, killMs: NEVER };
    this.#signal(turn, 'SIGKILL');
  }

  get nextMs(): number {
    const state = this.#state;
    if (state.s === 'stepping') return state.limitMs;
    if (state.s === 'reaping') return state.killMs;
    return state.s === 'settling' || state.s === 'closing' ? state.untilMs : NEVER;
  }

  due(turn: Turn): void {
    const state = this.#state;
    if (turn.nowMs < this.nextMs) return;
    switch (state.s) {
      case 'stepping':
        turn.log('warn', `run ${this.run}: processes are left at the end of a step`);
        this.#reap(turn, state.step + 1);
        return;
      case 'reaping':
        turn.log('warn', `run ${this.run}: processes did not end in ${this.#times.ladderMs} ms`);
        this.#state = { ...state, killMs: NEVER };
        this.#signal(turn, 'SIGKILL');
        return;
      case 'settling':
        if (this.#told) this.#row(turn, { data_type: 'stopTestRun' });
        this.#state = { s: 'closing', untilMs: turn.nowMs + (this.#told ? this.#times.settleMs : 0) };
        this.due(turn);
        return;
      case 'closing':
        this.#state = { s: 'over' };
        this.#port.do(turn, { type: 'clear', job: this.order.job });
        return;
      default:
        return;
    }
  }

  #step(turn: Turn, index: number): void {
    const { job, run, spec } = this.order;
    const step = spec.steps[index];
    if (step === undefined || this.#stopping) {
      this.#state = { s: 'settling', untilMs: turn.nowMs + this.#times.settleMs };
      return;
    }
    const limitMs = stepLimitMs(spec, step);
    this.#state = { s: 'stepping', step: index, limitMs: limitMs === null ? NEVER : turn.nowMs + limitMs };
    this.#processes.clear();
    const users = spec.target.kind === 'program' ? step.users : 1;
    for (let user = 1; user <= users; user += 1) {
      this.#next += 1;
      this.#processes.set(this.#next, 'starting');
      this.#port.do(turn, { type: 'start', job, process: this.#next, run, spec, step, user });
    }
  }

  /** Something about the processes has changed. */
  #look(turn: Turn): void {
    const state = this.#state;
    const states = [...this.#processes.values()];
    if (state.s === 'stepping' && states.every((each) => each === 'left' || each === 'gone'))
      this.#reap(turn, state.step + 1);
    else if (state.s === 'reaping' && states.every((each) => each === 'gone')) this.#step(turn, state.next);
  }

  /** @param next the step that follows; null: none */
  #reap(turn: Turn, next: number | null): void {
    const { steps } = this.order.spec;
    this.#state = { s: 'reaping', next: next ?? steps.length, killMs: turn.nowMs + this.#times.ladderMs };
    this.#signal(turn, 'SIGTERM');
    this.#look(turn);
  }

  #signal(turn: Turn, signal: 'SIGTERM' | 'SIGKILL'): void {
    for (const [process, state] of this.#processes)
      if (state !== 'gone') this.#port.do(turn, { type: 'signal', job: this.order.job, process, signal });
  }

  /** It never began. Whoever waits for its results hears of it too, not only who asked. */
  #fail(turn: Turn, why: string): void {
    this.#row(turn, { data_type: 'startTestRun' });
    this.#fault(turn, why);
    this.#begin(turn, why);
    this.#state = { s: 'settling', untilMs: turn.nowMs };
    this.due(turn);
  }

  #begin(turn: Turn, fault: string | null): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#port.begun(turn, this, fault);
  }

  /** A program that does not work at all breaks for every user: the first tells why, further ones say no more. */
  #tellFault(turn: Turn, fault: string): void {
    const isFirst = this.#state.s === 'stepping' && !this.#faulty;
    this.#faulty ||= isFirst;
    turn.log(isFirst ? 'error' : 'warn', `run ${this.run}: ${fault}`);
  }

  /** As the original tells of a runner that broke: an error of no user and no hit. */
  #fault(turn: Turn, why: string): void {
    turn.log('error', `run ${this.run}: ${why}`);
    this.#row(turn, {
      data_type: 'addError',
      test: this.order.spec.label,
      exc_info: ['RunnerError', why, ''],
      loads_status: [0, 0, 0, 0],
    });
  }

  #row(turn: Turn, row: Extract<ExternalEffect, { type: 'row' }>['row']): void {
    this.#told = true;
    this.#port.do(turn, { type: 'row', run: this.run, row });
  }
}
