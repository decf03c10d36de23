import type { Exec } from '@muster/script';
import { AbortSignalError, FailSignal } from '../load/iteration-runner.js';
import type { Frame } from '../load/virtual-user.js';

/** What `exec` asks of the engine. */
export interface ExecPorts {
  /** Where the caller is. @throws Error outside of any function of the test. */
  readonly here: (what: string) => Frame;
  readonly agent: Exec['agent'];
  readonly instance: () => Exec['instance'];
  readonly scenario: (name: string) => {
    readonly startTime: number;
    readonly progress: number;
  };
  readonly options: () => unknown;
  readonly abort: (reason: string) => void;
}

/** k6's `exec`, with `exec.agent`. */
export const makeExec = (ports: ExecPorts): Exec => ({
  get scenario() {
    const { user } = ports.here('exec.scenario');
    return {
      name: user.scenario.name,
      executor: user.scenario.settings.executor,
      ...ports.scenario(user.scenario.name),
      iterationInInstance: user.iteration,
      iterationInTest: user.iterationInTest,
    };
  },
  get instance() {
    return ports.instance();
  },
  get vu() {
    const { user } = ports.here('exec.vu');
    return {
      idInInstance: user.idInInstance,
      idInTest: user.id,
      iterationInInstance: user.iteration,
      iterationInScenario: user.iteration,
      tags: user.tags,
    };
  },
  test: {
    abort: (reason = 'aborted by the test') => {
      ports.abort(String(reason));
      throw new AbortSignalError(String(reason));
    },
    fail: (reason = 'failed by the test') => {
      throw new FailSignal(String(reason));
    },
    get options() {
      return ports.options();
    },
  },
  agent: ports.agent,
});
