import type { ResolvedScenario } from '@muster/plan';
import { ArrivalRate } from './arrival-rate.js';
import { Iterations } from './iterations.js';
import { LoopingVus } from './looping-vus.js';
import type { ScenarioHost, ScenarioRun } from './scenario-host.js';

/** A scenario's executor, ready to run. */
export const makeRun = (scenario: ResolvedScenario, host: ScenarioHost): ScenarioRun => {
  switch (scenario.executor) {
    case 'constant-vus':
    case 'ramping-vus':
      return new LoopingVus(scenario, host);
    case 'per-vu-iterations':
    case 'shared-iterations':
      return new Iterations(scenario, host);
    case 'constant-arrival-rate':
    case 'ramping-arrival-rate':
      return new ArrivalRate(scenario, host);
  }
};
