import type { AgentMessage, Code, RunId } from '@muster/protocol';
import type { Turn } from './turn.js';
import { cut, type Fault } from './worker-fault.js';

/** Faults of iterations are in the windows; of others that do not end the run only so many are told. */
const MAX_FAULTS = 100;

/** What went wrong in a run, as the broker is told: what ends it until it has heard that, the rest once and within a bound. */
export class RunFaults {
  readonly #run: RunId;
  readonly #send: (turn: Turn, message: AgentMessage) => void;
  #fatal: Fault | null = null;
  #told = 0;
  #abortTold = false;

  constructor(run: RunId, send: (turn: Turn, message: AgentMessage) => void) {
    this.#run = run;
    this.#send = send;
  }

  /** The agent can't go on with the run. The first such fault is the one that is said again. */
  ending(turn: Turn, fault: Fault): void {
    if (fault.fatal) this.#fatal ??= fault;
    this.#send(turn, fault);
  }

  /** The run goes on. */
  passing(turn: Turn, fault: Fault): void {
    this.#told += 1;
    if (this.#told <= MAX_FAULTS) this.#send(turn, fault);
  }

  /** `exec.test.abort`: told as a fault; what follows the broker says, to this agent too. */
  scriptAborts(turn: Turn, worker: number, reason: string): void {
    if (this.#abortTold) return;
    this.#abortTold = true;
    this.#fatal ??= {
      type: 'fault',
      run: this.#run,
      worker,
      phase: 'run',
      code: 'TEST_ABORTED' satisfies Code,
      message: cut(reason),
      fatal: true,
    };
    this.#send(turn, this.#fatal);
  }

  /** Says again why the run ended, if something went wrong. */
  repeat(turn: Turn): void {
    if (this.#fatal !== null) this.#send(turn, this.#fatal);
  }
}
