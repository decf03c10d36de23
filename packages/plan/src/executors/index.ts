import { constantArrivalRate, rampingArrivalRate } from './arrival-rate.js';
import { constantVus } from './constant-vus.js';
import { perVuIterations, sharedIterations } from './iterations.js';
import { rampingVus } from './ramping-vus.js';

/** Every executor, by the name that tests use. */
export const EXECUTORS = {
  'constant-vus': constantVus,
  'ramping-vus': rampingVus,
  'per-vu-iterations': perVuIterations,
  'shared-iterations': sharedIterations,
  'constant-arrival-rate': constantArrivalRate,
  'ramping-arrival-rate': rampingArrivalRate,
} as const;
