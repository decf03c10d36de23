import { activeMsOf, type ResolvedScenario } from '@muster/plan';
import type { RunRecord } from '../run-record.js';

/** When a scenario has ended at the latest, its graceful stop included; one that follows another starts at its end. */
const endMs = (scenario: ResolvedScenario, all: readonly ResolvedScenario[]): number => {
  const before = scenario.after === null ? undefined : all.find((each) => each.name === scenario.after);
  const startMs = before === undefined ? scenario.startTimeMs : endMs(before, all);
  return startMs + activeMsOf(scenario) + scenario.gracefulStopMs;
};

/** `teardown` as far as the test has one. */
export const teardownMs = ({ options, functions }: RunRecord): number =>
  options !== null && functions.includes('teardown') ? options.teardownTimeoutMs : 0;

/** How long the load of a run can take from its start, `teardown` included. */
export const longestMs = (run: RunRecord): number => {
  const scenarios = run.options?.scenarios ?? [];
  return Math.max(0, ...scenarios.map((each) => endMs(each, scenarios))) + teardownMs(run);
};

/** How long members may take to end after a stop, `teardown` included. */
export const stopMs = (run: RunRecord): number =>
  Math.max(0, ...(run.options?.scenarios ?? []).map((each) => each.gracefulStopMs)) + teardownMs(run);
