import type { WorkerNews } from '@muster/engine';
import type { RunId } from '@muster/protocol';
import type { WorkerExit } from '../worker-host/worker-exit.js';
import { OnceCall } from './once-call.js';
import type { Questions } from './questions.js';
import type { RunTimes } from './run-options.js';
import type { Turn } from './turn.js';
import { deathOf, errorOf, type Fault, faultOf } from './worker-fault.js';
import type { WorkerSet } from './worker-set.js';

type Fn = 'setup' | 'teardown' | 'handleSummary';

/** What the calls need of their run. */
export interface AuthorCallsPort {
  readonly questions: Questions;
  readonly workers: WorkerSet;
  times(): RunTimes;
  /** What the whole cluster has from `setup`. */
  haveData(turn: Turn, data: unknown): void;
  /** `teardown` is over, or there will be none. */
  tornDown(turn: Turn): void;
  /** A call went wrong. */
  fault(turn: Turn, fault: Fault): void;
}

/** The author's functions that run once in a cluster, on this agent in worker 0: `setup`, `teardown`, `handleSummary`. */
export class AuthorCalls {
  readonly #run: RunId;
  readonly #port: AuthorCallsPort;
  readonly #setup: OnceCall;
  readonly #teardown: OnceCall;
  readonly #summary: OnceCall;
  /** What `setup` gave, for `teardown`. */
  #data: unknown;

  constructor(run: RunId, port: AuthorCallsPort) {
    this.#run = run;
    this.#port = port;
    const once = (name: Fn, made: ConstructorParameters<typeof OnceCall>[3]) =>
      new OnceCall(run, name, port.questions, made);
    this.#setup = once('setup', {
      make: (turn) => this.#call(turn, 'setup', undefined, port.times().setupMs),
      have: (turn, value) => {
        this.#data = value;
        port.haveData(turn, value);
      },
      without: (turn, why) => turn.log('warn', `no value of setup: ${why}`),
    });
    this.#teardown = once('teardown', {
      make: (turn) => this.#call(turn, 'teardown', this.#data, port.times().teardownMs),
      have: (turn) => port.tornDown(turn),
      without: (turn, why) => {
        turn.log('warn', `teardown did not come to its end: ${why}`);
        port.tornDown(turn);
      },
    });
    this.#summary = once('handleSummary', {
      make: () => undefined,
      have: () => undefined,
      without: (turn, why) => turn.log('warn', `handleSummary gave nothing: ${why}`),
    });
  }

  setup(turn: Turn): void {
    this.#setup.begin(turn);
  }

  teardown(turn: Turn): void {
    this.#teardown.begin(turn);
  }

  /** A repeated order while that goes on changes nothing. */
  handleSummary(turn: Turn, summary: unknown, isLoadOver: boolean): void {
    if (this.#summary.isMaking) return;
    this.#summary.take();
    if (!isLoadOver) this.#summary.failed(turn, { code: 'AGENT_BUSY', message: 'the load is not over on this agent' });
    else this.#call(turn, 'handleSummary', summary, this.#port.times().summaryMs);
  }

  #call(turn: Turn, fn: Fn, data: unknown, timeoutMs: number): void {
    const { workers } = this.#port;
    if (workers.isAlive(0)) workers.order(turn, 0, { type: 'call', fn, data, timeoutMs });
    else this.#onceOf(fn).failed(turn, { code: 'WORKER_DIED', message: `the worker that was to run ${fn} is gone` });
  }

  #onceOf(fn: Fn): OnceCall {
    return fn === 'setup' ? this.#setup : fn === 'teardown' ? this.#teardown : this.#summary;
  }

  /** The worker has called one of them. */
  called(turn: Turn, { fn, value, error }: Extract<WorkerNews, { readonly type: 'called' }>): void {
    if (error === undefined) {
      this.#onceOf(fn).made(turn, value);
      return;
    }
    const fault = faultOf(this.#run, 0, error, fn === 'setup');
    this.#onceOf(fn).failed(turn, errorOf(fault));
    this.#port.fault(turn, fault);
  }

  /** The worker died behind the load: only what it was at is lost. */
  died(turn: Turn, exit: WorkerExit): void {
    for (const [once, phase] of [
      [this.#teardown, 'teardown'],
      [this.#summary, 'summary'],
    ] as const) {
      if (!once.isMaking) continue;
      const fault: Fault = { ...deathOf(this.#run, 0, phase, exit), fatal: false };
      once.failed(turn, errorOf(fault));
      this.#port.fault(turn, fault);
    }
  }
}
